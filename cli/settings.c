/* SPDX-License-Identifier: MIT */
/*
 * The options of verbs, and how they are read.
 */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

enum { NAME_MOST = 32, NAMES_MOST = 64, HELP_COLUMN = 22, HELP_WIDTH = 80 };

/* --- values -------------------------------------------------------------- */

bool settings_read_number(const char *text, int64_t least, int64_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool is_number = end != text && !*end && !isspace((unsigned char)*text);
    if (!is_number || errno || number < least)
        return false;
    *out = number;
    return true;
}

bool settings_read_size(const char *text, int64_t *out)
{
    static const char units[] = "KMG";
    char digits[32];
    size_t length = strspn(text, "0123456789");
    const char *unit = text[length] ? strchr(units, text[length]) : NULL;
    if (length == 0 || length >= sizeof(digits) ||
        (text[length] && (!unit || text[length + 1])))
        return false;
    memcpy(digits, text, length);
    digits[length] = 0;
    if (!settings_read_number(digits, 0, out))
        return false;
    for (long i = unit ? unit - units : -1; i >= 0; i--) {
        if (*out > INT64_MAX / 1024)
            return false;
        *out *= 1024;
    }
    return true;
}

static const char *put_count(struct choices *choices, const char *value)
{
    return settings_read_number(value, 1, &choices->count) ? NULL
                                                           : "a number from 1 on";
}

static const char *put_kind(struct choices *choices, const char *value)
{
    choices->has_kind = true;
    return settings_read_number(value, 0, &choices->kind) ? NULL : "a number from 0 on";
}

static const char *put_picked_kind(struct choices *choices, const char *value)
{
    choices->has_kind = true;
    return settings_read_number(value, -INT64_MAX, &choices->kind) ? NULL : "a number";
}

static const char *put_value(struct choices *choices, const char *value)
{
    int64_t number = 0;
    choices->has_value = true;
    if (!settings_read_number(value, INT_MIN, &number) || number > INT_MAX)
        return "a number from -2147483648 to 2147483647, an int";
    choices->value = (int)number;
    return NULL;
}

const char *settings_read_time(const char *text, int64_t *out)
{
    static const struct unit {
        const char *name;
        double milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};

    static const char wanted[] = "a time such as 500ms, 2s, 1.5s, 10min or 1h";
    char *end;
    double number = strtod(text, &end);
    if (!isdigit((unsigned char)*text) || number > 1e9)
        return wanted;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        *out = (int64_t)(number * units[i].milliseconds);
        return *out > 0 ? NULL : wanted;
    }
    return wanted;
}

static const char *put_timeout(struct choices *choices, const char *value)
{
    return settings_read_time(value, &choices->timeout);
}

static const char *put_framing(struct choices *choices, const char *value)
{
    choices->framing = value;
    const struct wherry_framing_info *framing;
    for (size_t i = 0; (framing = wherry_framing_at(i)); i++)
        if (strcmp(framing->name, value) == 0)
            return NULL;
    return "wherry, raw, line, length or header";
}

static const char *put_file(struct choices *choices, const char *value)
{
    if (choices->file_count == FILES_MOST)
        return "given at most 16 times";
    choices->files[choices->file_count++] = value;
    return NULL;
}

#define FLAG(field)                                                                    \
    static const char *put_##field(struct choices *choices, const char *value)         \
    {                                                                                  \
        (void)value;                                                                   \
        choices->field = true;                                                         \
        return NULL;                                                                   \
    }

FLAG(all)
FLAG(dial)
FLAG(dry_run)
FLAG(json)
FLAG(keep)
FLAG(listen)
FLAG(messages)
FLAG(mine)
FLAG(one_way)
FLAG(orphans)
FLAG(raw)
FLAG(ready)
FLAG(show_kind)
FLAG(show_sender)
FLAG(wait)
FLAG(yes)

static const char *put_pid(struct choices *choices, const char *value)
{
    return settings_read_number(value, 1, &choices->pid) ? NULL
                                                         : "the number of a process";
}

static const char *put_older(struct choices *choices, const char *value)
{
    return settings_read_time(value, &choices->older);
}

/* --- the table ----------------------------------------------------------- */

const struct setting setting_all = {"all", NULL, "Those for tests too.", put_all};
const struct setting setting_all_there = {
    "all", NULL, "Takes what is there already, and ends without waiting for more.",
    put_all};
const struct setting setting_await = {
    "wait", NULL, "Waits for these signals, and prints each that arrives.", put_wait};
const struct setting setting_count = {"count", "N", "Ends after N messages.",
                                      put_count};
const struct setting setting_dial = {"dial", NULL, "Dials instead of listening.",
                                     put_dial};
const struct setting setting_dry_run = {
    "dry-run", NULL, "With --orphans: shows them, and removes nothing.", put_dry_run};
const struct setting setting_file = {
    "file", "PATH",
    "Passes this open file along with the first message; may be given "
    "several times.",
    put_file};
const struct setting setting_framing = {
    "framing", "NAME",
    "As ?framing= of the address: wherry, raw, line, length, header.", put_framing};
const struct setting setting_json = {"json", NULL, "Prints the table as JSON.",
                                     put_json};
const struct setting setting_json_orphans = {
    "json", NULL, "With --orphans: prints them as JSON.", put_json};
const struct setting setting_keep = {
    "keep", NULL, "Serves the next peer when one has left, until it is interrupted.",
    put_keep};
const struct setting setting_kind = {"kind", "N",
                                     "The kind of the messages that are "
                                     "sent.",
                                     put_kind};
const struct setting setting_listen = {"listen", NULL, "Listens instead of dialling.",
                                       put_listen};
const struct setting setting_messages = {
    "messages", NULL, "Lists the messages that wait in a queue, without taking them.",
    put_messages};
const struct setting setting_mine = {"mine", NULL, "This user's own only.", put_mine};
const struct setting setting_older = {
    "older", "TIME", "Those that were changed this long ago or earlier: 10min, 1h.",
    put_older};
const struct setting setting_one_way = {
    "one-way", NULL, "From the first address to the second only.", put_one_way};
const struct setting setting_orphans = {
    "orphans", NULL,
    "Your own objects that provably nobody has any more; patterns choose among them.",
    put_orphans};
const struct setting setting_orphans_only = {
    "orphans", NULL, "Those that provably nobody has any more.", put_orphans};
const struct setting setting_pick_kind = {
    "kind", "N",
    "Takes messages of kind N only; -N: the lowest kind up to N that is "
    "there.",
    put_picked_kind};
const struct setting setting_pid = {
    "pid", "PID", "Those that this process has, has made, or has used last.", put_pid};
const struct setting setting_raw = {
    "raw", NULL,
    "Bytes instead of lines; where the mechanism carries bytes, its framing "
    "is raw too unless said otherwise.",
    put_raw};
const struct setting setting_ready = {
    "ready", NULL,
    "Waits until the process blocks, handles or ignores the signal, so that it does "
    "not end by it.",
    put_ready};
const struct setting setting_show_kind = {
    "show-kind", NULL, "Begins each line with the kind and a tab.", put_show_kind};
const struct setting setting_show_sender = {
    "show-sender", NULL, "Begins each line with who sent it and a tab.",
    put_show_sender};
const struct setting setting_signal_count = {
    "count", "N", "With --wait: ends after N signals.", put_count};
const struct setting setting_timeout = {
    "timeout", "TIME",
    "Gives up when a wait for the peer takes longer: 500ms, 2s, 10min.", put_timeout};
const struct setting setting_value = {
    "value", "N", "The number that goes with the signal.", put_value};
const struct setting setting_wait = {
    "wait", NULL, "Waits until somebody listens, where nobody does yet.", put_wait};
const struct setting setting_yes = {
    "yes", NULL, "With --orphans: does not ask before it removes them.", put_yes};

/* --- the nearest name ---------------------------------------------------- */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

// How many letters must be added, dropped or changed, or swapped with the next.
static size_t distance(const char *a, const char *b)
{
    size_t cost[NAME_MOST + 1][NAME_MOST + 1];
    const size_t height = strlen(a);
    const size_t width = strlen(b);
    for (size_t i = 0; i <= height; i++)
        for (size_t j = 0; j <= width; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = least_of(change, least_of(cost[i - 1][j], cost[i][j - 1]) + 1);
            bool swapped =
                i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped)
                cost[i][j] = least_of(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    return cost[height][width];
}

const char *nearest_name(const char *name, const char *const *names)
{
    const char *nearest = NULL;
    size_t size = strlen(name);
    if (size == 0 || size > NAME_MOST)
        return NULL;
    size_t least = size < 6 ? 2 : size / 3 + 1; // a third of the letters may be wrong
    for (; *names; names++) {
        bool is_beginning = strncmp(name, *names, size) == 0 && size > 1;
        size_t far = is_beginning ? 0 : distance(name, *names);
        if (far >= least || far >= strlen(*names))
            continue;
        least = far;
        nearest = *names;
    }
    return nearest;
}

/* --- reading ------------------------------------------------------------- */

static int unknown(const struct command *command, const char *option)
{
    const char *names[NAMES_MOST] = {"help"};
    for (size_t i = 0; command->settings && command->settings[i]; i++)
        names[i + 1] = command->settings[i]->name;
    char name[NAME_MOST + 1];
    const char *bare = option + strspn(option, "-");
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(bare, "="), bare);
    const char *nearest = nearest_name(name, names);
    return say_usage(command->name, "there is no option %s%s%s%s", option,
                     nearest ? "; did you mean --" : "", nearest ? nearest : "",
                     nearest ? "?" : " (a word that begins with - goes after --)");
}

static const struct setting *find(const struct command *command, const char *name,
                                  size_t size)
{
    const struct setting *const *each = command->settings;
    for (; each && *each; each++)
        if (strlen((*each)->name) == size && strncmp((*each)->name, name, size) == 0)
            return *each;
    return NULL;
}

// One option, and its value, which may be the next argument: how many were used, or <
// 0.
static int read_option(const struct command *command, char **argv,
                       struct choices *choices)
{
    const char *name = argv[0] + 2;
    size_t size = strcspn(name, "=");
    const struct setting *setting =
        strncmp(argv[0], "--", 2) == 0 ? find(command, name, size) : NULL;
    if (!setting)
        return unknown(command, argv[0]), -1;
    const char *value = name[size] ? name + size + 1 : NULL;
    if (!setting->value && value)
        return say_usage(command->name, "--%s takes no value", setting->name), -1;
    int used = 1;
    if (setting->value && !value) {
        value = argv[used++];
        if (!value)
            return say_usage(command->name, "--%s needs a value: --%s %s",
                             setting->name, setting->name, setting->value),
                   -1;
    }
    const char *wanted = setting->put(choices, value);
    if (wanted)
        return say_usage(command->name, "--%s %s: it must be %s", setting->name, value,
                         wanted),
               -1;
    return used;
}

// NOLINTNEXTLINE(readability-function-size): six parameters, two of them a range
int settings_read(const struct command *command, int argc, char **argv, int least,
                  int most, struct choices *out)
{
    *out = (struct choices){.words = argv + 1};
    bool words_only = false;
    for (int i = 1; i < argc;) {
        words_only |= command->ends_at_word && out->word_count > 0;
        bool is_option = !words_only && argv[i][0] == '-' && argv[i][1];
        if (is_option && strcmp(argv[i], "--") == 0) {
            words_only = true;
            i++;
        } else if (is_option) {
            int used = read_option(command, argv + i, out);
            if (used < 0)
                return USAGE;
            i += used;
        } else {
            out->words[out->word_count++] = argv[i++];
        }
    }
    out->words[out->word_count] = NULL;
    if (out->word_count < least)
        return say_usage(command->name, "something is missing: wherry %s %s",
                         command->name, command->arguments);
    if (most >= 0 && out->word_count > most)
        return say_usage(command->name, "\"%s\" is one too many: wherry %s %s",
                         out->words[most], command->name, command->arguments);
    return DONE;
}

/* --- help ---------------------------------------------------------------- */

static void print_row(const char *name, const char *value, const char *help)
{
    char head[NAME_MOST * 2];
    snprintf(head, sizeof(head), "  --%s%s%s", name, value ? " " : "",
             value ? value : "");
    printf("%-*s", HELP_COLUMN, head);
    say_wrapped(help, HELP_COLUMN, HELP_WIDTH);
}

void settings_print(const struct setting *const *settings)
{
    say_heading("Options:");
    for (; settings && *settings; settings++)
        print_row((*settings)->name, (*settings)->value, (*settings)->help);
    print_row("help", NULL, "Prints this.");
}
