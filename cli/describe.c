/* SPDX-License-Identifier: MIT */
/*
 * describe: all that is known of a channel, from one of its ends or from outside.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "channels.h"
#include "help.h"
#include "interrupt.h"
#include "objects.h"
#include "open.h"
#include "region.h"
#include "say.h"
#include "semaphore_show.h"
#include "table.h"

enum {
    FACTS = 48,
    VALUE_MOST = 512,
    GREETING = 200, // milliseconds that the peer's first word may take
    VALUE_COLUMN = 18
};

struct facts {
    struct column columns[FACTS];
    char values[FACTS][VALUE_MOST];
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void add(struct facts *facts,
                                                      const char *name,
                                                      enum column_type type,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    facts->columns[facts->count] = (struct column){.name = name, .type = type};
    vsnprintf(facts->values[facts->count++], VALUE_MOST, format, arguments);
    va_end(arguments);
}

static void add_number(struct facts *facts, const char *name, uint64_t number)
{
    add(facts, name, COLUMN_NUMBER, "%" PRIu64, number);
}

/* --- what is known ------------------------------------------------------- */

static const struct ability {
    unsigned bit;
    const char *name;
} abilities[] = {
    {WHERRY_ABLE_SEND, "send"},
    {WHERRY_ABLE_RECV, "recv"},
    {WHERRY_ABLE_DUPLEX, "duplex"},
    {WHERRY_ABLE_CONNECTIONLESS, "connectionless"},
    {WHERRY_ABLE_MESSAGES, "messages"},
    {WHERRY_ABLE_KINDS, "kinds"},
    {WHERRY_ABLE_FILES, "files"},
    {WHERRY_ABLE_SENDER, "sender"},
    {WHERRY_ABLE_FINISH, "finish"},
    {WHERRY_ABLE_DRAIN, "drain"},
    {WHERRY_ABLE_HOSTS, "hosts"},
    {WHERRY_ABLE_OUTLIVES, "outlives"},
    {WHERRY_ABLE_STRANGERS, "strangers"},
    {WHERRY_ABLE_LOSS, "loss"},
    {WHERRY_ABLE_MANY_WRITERS, "many-writers"},
    {WHERRY_ABLE_FRAMING, "framing"},
    {WHERRY_ABLE_DESCRIPTOR, "descriptor"},
    {WHERRY_ABLE_PRIORITY, "priority"},
    {WHERRY_ABLE_MANY_READERS, "many-readers"},
    {WHERRY_ABLE_PICK, "pick"},
};

static void add_abilities(struct facts *facts, unsigned bits)
{
    char text[VALUE_MOST] = "";
    for (size_t i = 0; i < sizeof(abilities) / sizeof(abilities[0]); i++) {
        size_t used = strlen(text);
        if (bits & abilities[i].bit)
            snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
                     abilities[i].name);
    }
    add(facts, "abilities", COLUMN_TEXT, "%s", text);
}

static void add_peer(struct facts *facts, const struct wherry_peer *peer)
{
    static const char *const trusts[] = {
        [WHERRY_TRUST_NONE] = "none",
        [WHERRY_TRUST_CREATOR] = "creator",
        [WHERRY_TRUST_KERNEL] = "kernel",
    };

    add(facts, "peer trust", COLUMN_TEXT, "%s", trusts[peer->trust]);
    add(facts, "peer pid", COLUMN_NUMBER, "%" PRId64, peer->pid);
    add(facts, "peer uid", COLUMN_NUMBER, "%" PRId64, peer->uid);
    add(facts, "peer gid", COLUMN_NUMBER, "%" PRId64, peer->gid);
    add_number(facts, "peer identity", peer->identity);
    add(facts, "peer address", COLUMN_TEXT, "%s", peer->address);
}

static void add_traffic(struct facts *facts, const struct wherry_channel_info *info)
{
    add_number(facts, "sent messages", info->sent_messages);
    add_number(facts, "sent bytes", info->sent_bytes);
    add_number(facts, "received messages", info->received_messages);
    add_number(facts, "received bytes", info->received_bytes);
    add_number(facts, "dropped messages", info->dropped_messages);
    add_number(facts, "queued messages", info->queued_messages);
    add_number(facts, "queued bytes", info->queued_bytes);
    add(facts, "queued age", COLUMN_NUMBER, "%" PRId64, info->queued_age);
    add_number(facts, "held messages", info->held_messages);
    add_number(facts, "held bytes", info->held_bytes);
    add_number(facts, "held files", info->held_files);
    add_number(facts, "unread bytes", info->unread_bytes);
    add_number(facts, "unsent bytes", info->unsent_bytes);
    add_number(facts, "waiting messages", info->waiting_messages);
    add_number(facts, "waiting most", info->waiting_most);
    add_number(facts, "waiting bytes most", info->waiting_bytes_most);
    add(facts, "last sender", COLUMN_NUMBER, "%" PRId64, info->last_sender);
    add(facts, "last receiver", COLUMN_NUMBER, "%" PRId64, info->last_receiver);
    add(facts, "last sent", COLUMN_NUMBER, "%" PRId64, info->last_sent);
    add(facts, "last received", COLUMN_NUMBER, "%" PRId64, info->last_received);
    add(facts, "last changed", COLUMN_NUMBER, "%" PRId64, info->last_changed);
}

static void add_holders(struct facts *facts, const struct wherry_channel_info *info)
{
    char text[VALUE_MOST] = "";
    int known = (int)(sizeof(info->holders) / sizeof(info->holders[0]));
    for (int i = 0; i < info->holder_count && i < known; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%" PRId64, used ? " " : "",
                 info->holders[i]);
    }
    add(facts, "holder count", COLUMN_NUMBER, "%d", info->holder_count);
    add(facts, "holders", COLUMN_TEXT, "%s", text);
}

static void collect(const struct wherry_channel_info *info, struct facts *facts)
{
    add(facts, "address", COLUMN_TEXT, "%s", info->address);
    add(facts, "scheme", COLUMN_TEXT, "%s", info->scheme);
    add(facts, "framing", COLUMN_TEXT, "%s", info->framing);
    add_abilities(facts, info->abilities);
    add_peer(facts, &info->peer);
    add_traffic(facts, info);
    add_number(facts, "message limit", info->message_limit);
    add(facts, "kind least", COLUMN_NUMBER, "%" PRId64, info->kind_least);
    add(facts, "kind limit", COLUMN_NUMBER, "%" PRId64, info->kind_limit);
    add_number(facts, "queue limit", info->queue_limit);
    add_number(facts, "file limit", info->file_limit);
    add_number(facts, "memory", info->memory);
    add(facts, "error", COLUMN_TEXT, "%s", info->error_text);
    add_holders(facts, info);
}

/* --- showing it ---------------------------------------------------------- */

static int print(const struct facts *facts, bool as_json)
{
    const char *cells[FACTS] = {NULL};
    for (size_t i = 0; i < facts->count; i++)
        cells[i] = facts->values[i];
    if (!as_json) {
        for (size_t i = 0; i < facts->count; i++)
            printf("%-*s %s\n", VALUE_COLUMN, facts->columns[i].name, cells[i]);
        return DONE;
    }
    struct table *table = table_new("channels", facts->columns, facts->count, true);
    table_add(table, cells);
    return table_print(table, command_describe.name);
}

// Under the `wherry` framing the peer's first word says who it is; no message is taken.
static void hear_greeting(wherry_channel *channel, struct wherry_channel_info *info)
{
    bool greets = (info->abilities & WHERRY_ABLE_DRAIN) &&
                  info->peer.trust != WHERRY_TRUST_KERNEL;
    wherry_message *message;
    if (greets &&
        wherry_recv_kind(channel, INT64_MAX, &message, wherry_after(GREETING)) == 1)
        wherry_message_free(message);
    wherry_describe(channel, info, sizeof(*info));
    if (info->error == -ETIMEDOUT) // that was our own impatience
        info->error_text[0] = 0;
}

static int list_messages(wherry_channel *channel, bool as_json)
{
    static const struct column columns[] = {{"message", COLUMN_NUMBER, false},
                                            {"kind", COLUMN_NUMBER, false},
                                            {"size", COLUMN_NUMBER, false}};
    struct table *table = table_new("messages", columns, 3, as_json);
    int64_t kind = 0;
    int64_t size;
    for (size_t i = 0; (size = wherry_peek(channel, i, &kind)) >= 0; i++) {
        char texts[3][32];
        snprintf(texts[0], sizeof(texts[0]), "%zu", i);
        snprintf(texts[1], sizeof(texts[1]), "%" PRId64, kind);
        snprintf(texts[2], sizeof(texts[2]), "%" PRId64, size);
        table_add(table, (const char *const[]){texts[0], texts[1], texts[2]});
    }
    if (size != -EAGAIN)
        say_error(command_describe.name, "%s", wherry_error_text());
    int status = table_print(table, command_describe.name);
    return size != -EAGAIN ? FAILED : status;
}

static int describe(wherry_channel *channel, bool as_json)
{
    static struct facts facts;
    struct wherry_channel_info info;
    wherry_describe(channel, &info, sizeof(info));
    hear_greeting(channel, &info);
    if (interrupted())
        return FAILED;
    collect(&info, &facts);
    return print(&facts, as_json);
}

static int describe_process(const struct choices *choices, const char *place)
{
    if (choices->listen || choices->wait || choices->messages || choices->framing ||
        choices->timeout)
        return say_usage(command_describe.name,
                         "of a process, as %s is, --json is the only option", place);
    return channels_describe(command_describe.name, place, choices->json);
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_describe, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    const char *address = choices.words[0];
    if (channels_are_meant(address))
        return describe_process(&choices, address);
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(address);
    if (mechanism && choices.json)
        return say_usage(command_describe.name,
                         "--json is for channels; `wherry transports --json` has the "
                         "mechanisms");
    if (mechanism)
        return help_mechanism(mechanism), DONE;
    const int listed =
        objects_only_listed(address)
            ? objects_describe(command_describe.name, address, choices.json)
            : -1;
    if (listed >= 0)
        return listed;
    const struct wherry_mechanism *at = mechanism_of(address);
    if (at && at->traits & WHERRY_TRAIT_MEMORY)
        return region_describe(command_describe.name, address, choices.json);
    if (at && at->traits & WHERRY_TRAIT_TURNS)
        return semaphore_describe(command_describe.name, address, choices.json);
    struct opening opening = {.verb = command_describe.name,
                              .choices = &choices,
                              .listens = choices.listen,
                              .only_looks = !choices.listen};
    struct opened opened;
    open_either_way(&opening, address);
    int status = open_channel(&opening, address, &opened);
    if (status == DONE)
        status = choices.messages ? list_messages(opened.channel, choices.json)
                                  : describe(opened.channel, choices.json);
    open_close(&opened);
    return status;
}

static const struct setting *const settings[] = {&setting_listen,
                                                 &setting_wait,
                                                 &setting_framing,
                                                 &setting_timeout,
                                                 &setting_messages,
                                                 &setting_json,
                                                 NULL};

const struct command command_describe = {
    .name = "describe",
    .arguments = "[OPTION…] ADDRESS | SCHEME | PID[:NUMBER]",
    .summary = "Tells all that is known of a channel, a region or a semaphore.",
    .settings = settings,
    .help =
        "It dials, or listens with --listen, and closes the channel again; dialling,\n"
        "it makes no queue and no FIFO.  A scheme alone, without a colon, is\n"
        "explained instead.  Ages are in nanoseconds, -1 and 0 stand for what is not\n"
        "known.\n"
        "\n"
        "Of a PID it tells, from outside, the channels that the process has over\n"
        "memory: what is on the way, who sleeps, which reader of a topic is how far\n"
        "behind.  NUMBER is one of these, or its socket.\n"
        "\n"
        "Example:\n"
        "  wherry recv unix:pier &\n"
        "  wherry describe --wait unix:pier\n",
    .run = run,
};
