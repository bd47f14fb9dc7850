/* SPDX-License-Identifier: MIT */
/*
 * Completion of command lines: what the last word may become.
 *
 * Everything comes from the tables that read the words later: a verb's options from its
 * settings, its words from the placeholders of its usage line, what goes on behind a
 * scheme from the library's table.  Nothing is opened and nothing waits; a line that
 * makes no sense has no completion.
 */
#include "complete.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <wherry/inspect.h>

#include "choose.h"
#include "help.h"
#include "region.h"
#include "settings.h"

enum { PLACE_MOST = 256, PATH_MOST = 4096, SIGNAL_MOST = 16 };

static const char ellipsis[] = "…";

/* What is being typed. */
struct ask {
    const char *word;              /* as far as it is typed, */
    size_t kept;                   /* of it, what every answer begins with */
    const struct command *command; /* of the line, or NULL */
};

// An answer, if it goes on from what is typed: what is kept, then `text`, then `end`.
static void offer(const struct ask *ask, const char *text, const char *end,
                  const char *help)
{
    const char *typed = ask->word + ask->kept;
    if (strncmp(text, typed, strlen(typed)) == 0)
        printf("%.*s%s%s\t%s\n", (int)ask->kept, ask->word, text, end, help);
}

// "yes|no"
static void offer_choices(const struct ask *ask, const char *choices)
{
    char choice[PLACE_MOST];
    for (const char *at = choices; *at; at += *at == '|') {
        size_t size = strcspn(at, "|");
        snprintf(choice, sizeof(choice), "%.*s", (int)size, at);
        offer(ask, choice, "", "");
        at += size;
    }
}

/* --- paths --------------------------------------------------------------- */

// As it stands in an address: %HH for the bytes that mean something there.  False where
// a terminal would not show it.
static bool write_escaped(char out[PATH_MOST], const char *name)
{
    size_t used = 0;
    for (; *name && used < PATH_MOST - 4; name++) {
        const unsigned char letter = (unsigned char)*name;
        if (letter < ' ' || letter == 0x7f)
            return false;
        const bool is_plain = !strchr("%?", letter);
        used += (size_t)snprintf(out + used, PATH_MOST - used,
                                 is_plain ? "%c" : "%%%02X", letter);
    }
    out[used] = 0;
    return !*name;
}

static bool is_directory(const char *place, const char *name)
{
    char path[PATH_MOST];
    struct stat about;
    int size = snprintf(path, sizeof(path), "%s%s", place, name);
    return size < PATH_MOST && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// The paths that go on from what stands behind `kept`.
static void offer_paths(const struct ask *ask)
{
    char place[PATH_MOST];
    const char *typed = ask->word + ask->kept;
    const char *slash = strrchr(typed, '/');
    const size_t size = slash ? (size_t)(slash - typed) + 1 : 0;
    const struct ask inside = {ask->word, ask->kept + size, ask->command};
    if (size >= sizeof(place))
        return;
    snprintf(place, sizeof(place), "%.*s", (int)size, typed);
    DIR *directory = opendir(size ? place : ".");
    if (!directory)
        return;
    struct dirent *entry;
    while ((entry = readdir(directory))) { // NOLINT(concurrency-mt-unsafe): one thread
        char name[PATH_MOST];
        const bool is_hidden = entry->d_name[0] == '.' && typed[size] != '.';
        if (!is_hidden && write_escaped(name, entry->d_name))
            offer(&inside, name, is_directory(place, entry->d_name) ? "/" : "", "");
    }
    closedir(directory);
}

/* --- addresses ----------------------------------------------------------- */

// Those that are there and have one of these abilities or traits; `end` follows each.
static void offer_each_scheme(const struct ask *ask, unsigned abilities,
                              unsigned traits, const char *end)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++)
        if (!mechanism->absent &&
            (mechanism->abilities & abilities || mechanism->traits & traits) &&
            !(mechanism->abilities & WHERRY_ABLE_TESTS_ONLY))
            offer(ask, mechanism->scheme, end, mechanism->summary);
}

static void offer_option_values(const struct ask *ask,
                                const struct wherry_option *option)
{
    if (option->type == WHERRY_OPTION_FLAG)
        offer_choices(ask, "yes|no");
    if (option->type == WHERRY_OPTION_CHOICE)
        offer_choices(ask, option->choices);
}

// Of `?name=value&name=value`, the pair that is being typed begins behind `kept`.
static void offer_options(struct ask *ask, const struct wherry_mechanism *mechanism)
{
    const struct wherry_option *option;
    const char *name = ask->word + ask->kept;
    const size_t size = strcspn(name, "=");
    for (size_t i = 0; (option = wherry_mechanism_option(mechanism, i)); i++) {
        const bool is_named =
            strlen(option->name) == size && strncmp(option->name, name, size) == 0;
        if (!name[size] &&
            !address_gives(ask->word, ask->word + ask->kept, option->name)) {
            offer(ask, option->name, "=", option->help);
        } else if (name[size] && is_named) {
            ask->kept += size + 1;
            offer_option_values(ask, option);
            return;
        }
    }
}

// What such a mechanism's address goes on with, or begins with.
static void offer_addresses_of(struct ask *ask, unsigned abilities, unsigned traits)
{
    const char *rest = strchr(ask->word, ':');
    const char *question = strchr(ask->word, '?');
    const struct wherry_mechanism *mechanism = mechanism_of(ask->word);
    if (!rest) {
        offer_each_scheme(ask, abilities, traits, ":");
    } else if (mechanism && question) {
        const char *pair = strrchr(question, '&');
        ask->kept = (size_t)((pair ? pair : question) + 1 - ask->word);
        offer_options(ask, mechanism);
    } else if (mechanism && strstr(mechanism->usage, ":PATH")) {
        ask->kept = (size_t)(rest + 1 - ask->word);
        offer_paths(ask);
    }
}

// What stays can be looked at and removed, whatever it is.
static void offer_addresses(struct ask *ask)
{
    const unsigned channels = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN;
    bool is_for_all =
        ask->command == &command_describe || ask->command == &command_remove;
    offer_addresses_of(ask, channels | (is_for_all ? WHERRY_ABLE_OUTLIVES : 0),
                       is_for_all ? WHERRY_TRAIT_TURNS : 0);
}

static void offer_regions(struct ask *ask)
{
    offer_addresses_of(ask, 0, WHERRY_TRAIT_MEMORY);
}

/* --- words of a verb ----------------------------------------------------- */

static void offer_schemes(struct ask *ask)
{
    offer_each_scheme(ask, ~0U, 0, "");
}

static void offer_verbs(struct ask *ask)
{
    for (size_t i = 0; commands[i]; i++)
        offer(ask, commands[i]->name, "", commands[i]->summary);
}

static void offer_scenarios(struct ask *ask)
{
    for (const struct scenario *each = scenarios; each->name; each++)
        offer(ask, each->name, "", each->text);
    offer(ask, "list", "", "Lists them.");
}

// Those that have a name, up to the system's last.
static void offer_signals(struct ask *ask)
{
    char name[SIGNAL_MOST];
    for (int64_t i = 1; wherry_signal_name(i, name, sizeof(name)) >= 0; i++)
        if (name[0] < '0' || name[0] > '9')
            offer(ask, name, "", "");
}

static void offer_actions(struct ask *ask)
{
    for (size_t i = 0; region_actions[i]; i++)
        offer(ask, region_actions[i], "", "");
}

static void offer_files(struct ask *ask)
{
    (void)ask;
    printf("\tfile\n");
}

// The schemes of what lives on a machine.
static void offer_patterns(struct ask *ask)
{
    const char *scheme;
    for (size_t i = 0; (scheme = wherry_ipc_scheme(i)); i++)
        offer(ask, scheme, ":", "");
}

/* What stands for what, in usage lines and as values of options. */
static const struct placeholder {
    const char *name;
    void (*offer)(struct ask *ask);
} placeholders[] = {
    {"ACTION", offer_actions}, {"ADDRESS", offer_addresses},
    {"FILE", offer_files},     {"MECHANISM", offer_schemes},
    {"PATH", offer_files},     {"PATTERN", offer_patterns},
    {"REGION", offer_regions}, {"SCENARIO", offer_scenarios},
    {"SCHEME", offer_schemes}, {"SIGNAL", offer_signals},
    {"VERB", offer_verbs},
};

// "ADDRESS…", or a word that stands for itself.
static void offer_placeholder(const struct ask *ask, const char *name, size_t size)
{
    char word[PLACE_MOST];
    struct ask own = *ask;
    snprintf(word, sizeof(word), "%.*s", (int)size, name);
    char *more = strstr(word, ellipsis);
    if (more)
        *more = 0;
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
        if (strcmp(placeholders[i].name, word) == 0) {
            placeholders[i].offer(&own);
            return;
        }
    if (word[0] >= 'a' && word[0] <= 'z')
        offer(ask, word, "", "");
}

// The next place of a usage line, "[VERB | SCHEME]" or "ADDRESS", without brackets;
// false at the end.
static bool next_place(const char **line, char place[PLACE_MOST])
{
    *line += strspn(*line, " ]");
    const bool has_bracket = **line == '[';
    *line += has_bracket;
    size_t size = strcspn(*line, has_bracket ? "]" : " ");
    while (!has_bracket && strncmp(*line + size, " | ", 3) == 0)
        size += 3 + strcspn(*line + size + 3, " ");
    snprintf(place, PLACE_MOST, "%.*s", (int)size, *line);
    *line += size;
    return size > 0;
}

static void offer_word(const struct ask *ask, int position)
{
    char place[PLACE_MOST];
    const char *line = ask->command->arguments;
    while (next_place(&line, place)) {
        const bool is_option = place[0] == '-' || strncmp(place, "OPTION", 6) == 0;
        const bool is_last = position-- == 0 || strstr(place, ellipsis);
        if (is_option) {
            position++;
            continue;
        }
        if (!is_last)
            continue;
        for (const char *at = place; *at; at += strspn(at, " |")) {
            size_t size = strcspn(at, " |");
            offer_placeholder(ask, at, size);
            at += size;
        }
        return;
    }
}

/* --- options of a verb --------------------------------------------------- */

static void offer_settings(const struct ask *ask)
{
    const struct setting *const *setting = ask->command->settings;
    struct ask own = *ask;
    own.kept = strspn(ask->word, "-") < 2 ? strspn(ask->word, "-") : 2;
    for (; setting && *setting; setting++) {
        char name[PLACE_MOST];
        snprintf(name, sizeof(name), "%s%s", own.kept < 2 ? "-" : "", (*setting)->name);
        offer(&own, name, "", (*setting)->help);
    }
    offer(&own, own.kept < 2 ? "-help" : "help", "", "Prints what the verb does.");
}

static const struct setting *setting_named(const struct command *command,
                                           const char *option)
{
    const struct setting *const *setting = command->settings;
    const size_t size = strcspn(option, "=");
    for (; setting && *setting; setting++)
        if (size > 2 && strlen((*setting)->name) == size - 2 &&
            strncmp((*setting)->name, option + 2, size - 2) == 0)
            return *setting;
    return NULL;
}

// Behind "same" of "same, cross or both": what comes next, or NULL where this is no
// list of words.
static const char *next_choice(const char *at)
{
    if (strncmp(at, " or ", 4) == 0)
        return at + 4;
    return strncmp(at, ", ", 2) == 0 ? at + 2 : *at ? NULL : at;
}

static size_t choice_size(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyz-");
}

static bool are_choices(const char *wanted)
{
    const char *at = wanted;
    while (at && *at) {
        size_t size = choice_size(at);
        at = size ? next_choice(at + size) : NULL;
    }
    return at != NULL;
}

// What reads the value says what it must be, to one that is wrong: "same, cross or
// both".
static void offer_setting_values(const struct ask *ask, const struct setting *setting)
{
    struct choices unused = {0};
    const char *wanted = setting->put(&unused, "");
    if (!wanted || !are_choices(wanted)) {
        offer_placeholder(ask, setting->value, strlen(setting->value));
        return;
    }
    for (const char *at = wanted; *at;) {
        char choice[PLACE_MOST];
        snprintf(choice, sizeof(choice), "%.*s", (int)choice_size(at), at);
        offer(ask, choice, "", "");
        at = next_choice(at + choice_size(at));
    }
}

// The last of the words behind a verb, by what those before it are.
static void offer_argument(struct ask *ask, int count, char **words)
{
    const struct setting *setting = NULL; // whose value comes next
    bool words_only = false;
    int position = 0;
    for (int i = 0; i < count - 1; i++) {
        const bool is_option = !setting && !words_only && words[i][0] == '-';
        const bool is_value = setting != NULL;
        setting = is_option ? setting_named(ask->command, words[i]) : NULL;
        if (setting && (!setting->value || strchr(words[i], '=')))
            setting = NULL;
        words_only |= is_option && strcmp(words[i], "--") == 0;
        position += !is_option && !is_value;
    }
    const char *equals = strchr(ask->word, '=');
    const struct setting *own =
        equals && !words_only ? setting_named(ask->command, ask->word) : NULL;
    if (setting) {
        offer_setting_values(ask, setting);
    } else if (own && own->value && strncmp(ask->word, "--", 2) == 0) {
        ask->kept = (size_t)(equals + 1 - ask->word);
        offer_setting_values(ask, own);
    } else if (ask->word[0] == '-' && !words_only) {
        offer_settings(ask);
    } else {
        offer_word(ask, position);
    }
}

int complete(int count, char **words)
{
    if (count < 1)
        return DONE;
    struct ask ask = {.word = words[count - 1]};
    for (size_t i = 0; count > 1 && commands[i]; i++)
        if (strcmp(commands[i]->name, words[0]) == 0)
            ask.command = commands[i];
    if (count == 1) {
        offer_verbs(&ask);
        if (ask.word[0] == '-') {
            offer(&ask, "--help", "", "Prints the verbs.");
            offer(&ask, "--version", "", "Prints the version.");
        }
    } else if (ask.command) {
        offer_argument(&ask, count - 1, words + 1);
    }
    return DONE;
}
