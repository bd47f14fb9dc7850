/* SPDX-License-Identifier: MIT */
/*
 * A mechanism, in words: what it is for, its options, what it cannot do.
 *
 * All of it comes from the library's table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "say.h"

enum { TEXT_COLUMN = 14, HELP_COLUMN = 4, WIDTH = 80, VALUE_MOST = 32 };

/* --- abilities ----------------------------------------------------------- */

static bool has(const struct wherry_mechanism *mechanism, unsigned ability)
{
    return (mechanism->abilities & ability) == ability;
}

enum nature { CHANNEL, MEMORY, TURNS };

static enum nature nature_of(const struct wherry_mechanism *mechanism)
{
    return mechanism->traits & WHERRY_TRAIT_MEMORY  ? MEMORY
           : mechanism->traits & WHERRY_TRAIT_TURNS ? TURNS
                                                    : CHANNEL;
}

const struct wherry_mechanism *mechanism_of(const char *address)
{
    char scheme[32];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(address, ":?"), address);
    return wherry_mechanism_find(scheme);
}

bool mechanism_has_option(const struct wherry_mechanism *mechanism, const char *name)
{
    const struct wherry_option *option;
    for (size_t i = 0; (option = wherry_mechanism_option(mechanism, i)); i++)
        if (strcmp(option->name, name) == 0)
            return true;
    return false;
}

bool address_gives(const char *address, const char *end, const char *option)
{
    const size_t size = strlen(option);
    const char *at = strchr(address, '?');
    for (; at && (!end || at + 1 < end); at = strchr(at + 1, '&'))
        if (strncmp(at + 1, option, size) == 0 && at[1 + size] == '=')
            return true;
    return false;
}

const char *mechanism_moves(const struct wherry_mechanism *mechanism)
{
    bool messages = has(mechanism, WHERRY_ABLE_MESSAGES);
    if (has(mechanism, WHERRY_ABLE_NUMBER))
        return "one number";
    if (nature_of(mechanism) != CHANNEL)
        return nature_of(mechanism) == MEMORY ? "memory" : "turns";
    // Some connections keep messages apart by type=packet only, and have a framing
    // otherwise; the others know no bytes.
    bool is_both = messages && has(mechanism, WHERRY_ABLE_DUPLEX | WHERRY_ABLE_FINISH |
                                                  WHERRY_ABLE_FRAMING);
    return is_both ? "messages or bytes" : messages ? "messages" : "bytes";
}

const char *mechanism_ways(const struct wherry_mechanism *mechanism)
{
    static const char *const ways[2][2] = {
        {"simplex", "duplex"}, {"connectionless", "duplex or connectionless"}};

    if (mechanism_has_option(mechanism, "duplex"))
        return "simplex or duplex";
    bool connectionless = has(mechanism, WHERRY_ABLE_CONNECTIONLESS);
    bool connected = has(mechanism, WHERRY_ABLE_DUPLEX | WHERRY_ABLE_FINISH);
    bool duplex = connectionless ? connected : has(mechanism, WHERRY_ABLE_DUPLEX);
    return ways[connectionless][duplex];
}

const char *mechanism_kinds(const struct wherry_mechanism *mechanism)
{
    if (!has(mechanism, WHERRY_ABLE_KINDS))
        return "no";
    if (has(mechanism, WHERRY_ABLE_NUMBER))
        return "the signal";
    if (has(mechanism, WHERRY_ABLE_PRIORITY))
        return "priority";
    if (has(mechanism, WHERRY_ABLE_PICK))
        return "picked";
    return has(mechanism, WHERRY_ABLE_FRAMING) ? "by framing" : "yes";
}

/* What one may miss, by its nature. */
static const struct lack {
    unsigned ability;
    enum nature nature;
    const char *text;
} lacks[] = {
    {WHERRY_ABLE_DUPLEX, CHANNEL, "both ways over one channel"},
    {WHERRY_ABLE_MESSAGES, CHANNEL, "messages kept apart without a framing"},
    {WHERRY_ABLE_FILES, CHANNEL, "open files"},
    {WHERRY_ABLE_SENDER, CHANNEL, "a kernel that vouches for the sender"},
    {WHERRY_ABLE_FINISH, CHANNEL, "an end of one direction (finish)"},
    {WHERRY_ABLE_DRAIN, CHANNEL, "a peer's word that it has taken everything (drain)"},
    {WHERRY_ABLE_HOSTS, CHANNEL, "other machines"},
    {WHERRY_ABLE_OUTLIVES, CHANNEL, "messages that outlive the processes"},
    {WHERRY_ABLE_STRANGERS, CHANNEL, "processes that are no kin"},
    {WHERRY_ABLE_SEND, MEMORY, "an order between those who write and those who read"},
    {WHERRY_ABLE_HOSTS, MEMORY, "other machines"},
    {WHERRY_ABLE_OUTLIVES, MEMORY, "contents that outlive the processes"},
    {WHERRY_ABLE_HOSTS, TURNS, "other machines"},
    {WHERRY_ABLE_OUTLIVES, TURNS, "a value that outlives the processes"},
    {WHERRY_ABLE_DESCRIPTOR, TURNS, "a descriptor to wait for, among others"},
};

const char *mechanism_lack(const struct wherry_mechanism *mechanism, size_t index)
{
    if (mechanism->absent)
        return NULL;
    for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
        if (lacks[i].nature == nature_of(mechanism) &&
            !has(mechanism, lacks[i].ability) && index-- == 0)
            return lacks[i].text;
    return index == 0 && has(mechanism, WHERRY_ABLE_LOSS)
               ? "a promise that every message arrives, once and in order"
               : NULL;
}

static void print_lacks(const struct wherry_mechanism *mechanism)
{
    const char *lack;
    say_heading("It has not:");
    for (size_t i = 0; (lack = mechanism_lack(mechanism, i)); i++)
        printf("  %s\n", lack);
    putchar('\n');
}

/* --- options ------------------------------------------------------------- */

// As one would write it in an address: 64K, 2s.
static void show_amount(char text[VALUE_MOST], enum wherry_option_type type,
                        int64_t amount)
{
    static const struct unit {
        int64_t size;
        const char *name;
        enum wherry_option_type type;
    } units[] = {
        {INT64_C(1) << 40, "T", WHERRY_OPTION_SIZE},
        {1 << 30, "G", WHERRY_OPTION_SIZE},
        {1 << 20, "M", WHERRY_OPTION_SIZE},
        {1 << 10, "K", WHERRY_OPTION_SIZE},
        {INT64_C(1000000000), "s", WHERRY_OPTION_DURATION},
        {1000000, "ms", WHERRY_OPTION_DURATION},
        {1000, "us", WHERRY_OPTION_DURATION},
        {1, "ns", WHERRY_OPTION_DURATION},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && amount; i++)
        if (units[i].type == type && amount % units[i].size == 0) {
            snprintf(text, VALUE_MOST, "%" PRId64 "%s", amount / units[i].size,
                     units[i].name);
            return;
        }
    snprintf(text, VALUE_MOST, "%" PRId64, amount);
}

void mechanism_values(const struct wherry_option *option, char *text, size_t size)
{
    char least[VALUE_MOST];
    char most[VALUE_MOST];
    show_amount(least, option->type, option->least);
    show_amount(most, option->type, option->most);
    if (option->type == WHERRY_OPTION_CHOICE)
        snprintf(text, size, "%s", option->choices);
    else if (option->type == WHERRY_OPTION_FLAG)
        snprintf(text, size, "yes|no");
    else if (option->type == WHERRY_OPTION_TEXT)
        snprintf(text, size, "%s to %s bytes of text", least, most);
    else
        snprintf(text, size, "%s to %s%s", least, most,
                 option->type == WHERRY_OPTION_SIZE ? " bytes" : "");
}

static void print_option(const struct wherry_option *option)
{
    char values[VALUES_MOST];
    mechanism_values(option, values, sizeof(values));
    printf("  %s=%s  (%s%s)\n", option->name, values,
           option->standard ? "usually " : "not set",
           option->standard ? option->standard : "");
    printf("%*s", HELP_COLUMN, "");
    say_wrapped(option->help, HELP_COLUMN, WIDTH);
}

// Those of the channel itself come last in every mechanism's table, the same for all.
bool mechanism_shares(const struct wherry_option *option)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        if (mechanism->absent || nature_of(mechanism) != CHANNEL ||
            has(mechanism, WHERRY_ABLE_TESTS_ONLY))
            continue;
        const struct wherry_option *each;
        size_t n = 0;
        while ((each = wherry_mechanism_option(mechanism, n)) && each != option)
            n++;
        if (!each)
            return false;
    }
    return true;
}

static size_t print_options(const struct wherry_mechanism *mechanism, bool shared)
{
    const struct wherry_option *option;
    size_t printed = 0;
    for (size_t i = 0; (option = wherry_mechanism_option(mechanism, i)); i++)
        if (mechanism_shares(option) == shared) {
            print_option(option);
            printed++;
        }
    return printed;
}

/* --- pages --------------------------------------------------------------- */

size_t mechanism_remarks(const struct wherry_mechanism *mechanism,
                         struct remark remarks[REMARKS_MOST])
{
    // "dial listen", by whether it has the one, the other and pair.
    static const char *const openers[2][2][2] = {
        {{"", "pair"}, {"listen", "listen pair"}},
        {{"dial", "dial pair"}, {"dial listen", "dial listen pair"}}};

    static const char *const openers_of[] = {
        [MEMORY] = "region", [TURNS] = "semaphore"};

    const bool is_there = !mechanism->absent;
    const enum nature nature = nature_of(mechanism);
    const bool is_channel = is_there && nature == CHANNEL;
    const bool dials = has(mechanism, WHERRY_ABLE_DIAL);
    const bool listens = has(mechanism, WHERRY_ABLE_LISTEN);
    const struct remark all[] = {
        {"mechanism", mechanism->mechanism},
        {"opened by", is_channel
                          ? openers[dials][listens][has(mechanism, WHERRY_ABLE_PAIR)]
                      : is_there ? openers_of[nature]
                                 : NULL},
        {"ways", is_channel ? mechanism_ways(mechanism) : NULL},
        {"moves", is_there ? mechanism_moves(mechanism) : NULL},
        {"framing", is_there ? mechanism->framing : NULL},
        {"kinds", is_channel ? mechanism_kinds(mechanism) : NULL},
        {"largest", mechanism->limit},
        {"example", is_there ? mechanism->example : NULL},
        {"absent", mechanism->absent},
        {"instead", mechanism->instead},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && count < REMARKS_MOST; i++)
        if (all[i].text)
            remarks[count++] = all[i];
    return count;
}

void help_mechanism(const struct wherry_mechanism *mechanism)
{
    struct remark remarks[REMARKS_MOST];
    say_heading(mechanism->usage);
    say_wrapped(mechanism->summary, 0, WIDTH);
    putchar('\n');
    size_t count = mechanism_remarks(mechanism, remarks);
    for (size_t i = 0; i < count; i++) {
        printf("%-*s", TEXT_COLUMN, remarks[i].name);
        say_wrapped(remarks[i].text, TEXT_COLUMN, WIDTH);
    }
    if (mechanism->absent)
        return;
    putchar('\n');
    print_lacks(mechanism);
    say_heading("Options of the address:");
    print_options(mechanism, false);
    if (!has(mechanism, WHERRY_ABLE_TESTS_ONLY) && nature_of(mechanism) == CHANNEL)
        printf("\nand those of `wherry help channel`.\n");
}

void help_channel(void)
{
    say_heading("Options of every address:");
    print_options(wherry_mechanism_at(0), true);
    printf("\nExample: unix:pier?full=drop-oldest&queue=1M\n");
}

void framing_carries(const struct wherry_framing_info *framing, char *text, size_t size)
{
    snprintf(text, size, "%s%s%sbytes",
             framing->abilities & WHERRY_ABLE_KINDS ? "kinds, " : "",
             framing->abilities & WHERRY_ABLE_FILES ? "open files, " : "",
             framing->abilities & WHERRY_ABLE_DRAIN ? "confirmations, " : "");
}

void help_framings(void)
{
    char carried[CARRIED_MOST];
    say_heading("framing=NAME, how messages are cut out of bytes:");
    const struct wherry_framing_info *framing;
    for (size_t i = 0; (framing = wherry_framing_at(i)); i++) {
        printf("  %-*s", TEXT_COLUMN - 2, framing->name);
        say_wrapped(framing->summary, TEXT_COLUMN, WIDTH);
        framing_carries(framing, carried, sizeof(carried));
        printf("%*scarries %s\n", TEXT_COLUMN, "", carried);
    }
}
