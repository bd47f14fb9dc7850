/* SPDX-License-Identifier: MIT */
/*
 * The needs that `wherry choose` knows: each an option, and what meets it.
 */
#include "choose.h"

#include "facts.h"
#include "help.h"

uint32_t needs_given;

static bool carries_data(const struct wherry_mechanism *mechanism)
{
    return mechanism->abilities & WHERRY_ABLE_SEND ||
           mechanism->traits & WHERRY_TRAIT_MEMORY;
}

static bool is_large(const struct wherry_mechanism *mechanism)
{
    return carries_data(mechanism) && mechanism->largest == 0;
}

static bool loses_nothing(const struct wherry_mechanism *mechanism)
{
    return carries_data(mechanism) && !(mechanism->abilities & WHERRY_ABLE_LOSS);
}

// What a mechanism has to be asked for, by an option of its own.
static const char *const options[NEEDS] = {[NEED_TOPIC] = "fan=broadcast"};

static bool has_topics(const struct wherry_mechanism *mechanism)
{
    return mechanism_has_option(mechanism, "fan");
}

static bool is_for_all_users(const struct wherry_mechanism *mechanism)
{
    return !(mechanism->traits & WHERRY_TRAIT_USER);
}

#define GIVEN(need)                                                                    \
    static const char *put_##need(struct choices *choices, const char *value)          \
    {                                                                                  \
        (void)choices;                                                                 \
        (void)value;                                                                   \
        needs_given |= BIT(need);                                                      \
        return NULL;                                                                   \
    }

GIVEN(HOSTS)
GIVEN(BOTH_WAYS)
GIVEN(MANY)
GIVEN(STRANGERS)
GIVEN(USERS)
GIVEN(CHILDREN)
GIVEN(STARTED)
GIVEN(CONTAINERS)
GIVEN(BROWSER)
GIVEN(SHELL)
GIVEN(LARGE)
GIVEN(MESSAGES)
GIVEN(STREAM)
GIVEN(FILES)
GIVEN(KINDS)
GIVEN(PRIORITY)
GIVEN(PICK)
GIVEN(OUTLIVES)
GIVEN(WORKERS)
GIVEN(TOPIC)
GIVEN(MEMORY)
GIVEN(TURNS)
GIVEN(NOTICE)
GIVEN(SENDER)
GIVEN(CONFIRMED)
GIVEN(LOSSLESS)
GIVEN(ENCRYPTED)
GIVEN(DESCRIPTOR)

const struct need needs[NEEDS] = {
    [NEED_HOSTS] = {{"across-hosts", NULL, "Processes may be on different machines.",
                     put_HOSTS},
                    "other machines",
                    WHERRY_ABLE_HOSTS,
                    0,
                    NULL},
    [NEED_BOTH_WAYS] = {{"both-ways", NULL, "Messages go both ways.", put_BOTH_WAYS},
                        "both ways",
                        WHERRY_ABLE_DUPLEX,
                        0,
                        NULL},
    [NEED_MANY] = {{"many", NULL, "More than two processes.", put_MANY},
                   "many processes",
                   0,
                   0,
                   mechanism_has_many},
    [NEED_STRANGERS] = {{"strangers", NULL,
                         "Processes that are no kin: none has made the other.",
                         put_STRANGERS},
                        "processes that are no kin",
                        WHERRY_ABLE_STRANGERS,
                        0,
                        NULL},
    [NEED_USERS] = {{"other-users", NULL, "Processes of different users.", put_USERS},
                    "other users",
                    0,
                    0,
                    is_for_all_users},
    [NEED_CHILDREN] = {{"children", NULL, "A process and its children by fork(2).",
                        put_CHILDREN},
                       "children by fork(2)",
                       WHERRY_ABLE_PAIR,
                       0,
                       NULL},
    [NEED_STARTED] = {{"started", NULL, "A program and one that it starts.",
                       put_STARTED},
                      "a program that it starts",
                      0,
                      WHERRY_TRAIT_STARTS,
                      NULL},
    [NEED_CONTAINERS] = {{"containers", NULL,
                          "Processes in different containers of one machine.",
                          put_CONTAINERS},
                         "other containers",
                         0,
                         WHERRY_TRAIT_CONTAINERS,
                         NULL},
    [NEED_BROWSER] = {{"browser", NULL, "A page in a browser at the other end.",
                       put_BROWSER},
                      "a page in a browser",
                      0,
                      WHERRY_TRAIT_BROWSER,
                      NULL},
    [NEED_SHELL] = {{"shell", NULL, "Commands of the shell at the other end.",
                     put_SHELL},
                    "commands of the shell",
                    0,
                    WHERRY_TRAIT_SHELL,
                    NULL},
    [NEED_LARGE] = {{"large", NULL, "Messages of megabytes.", put_LARGE},
                    "large messages",
                    0,
                    0,
                    is_large},
    [NEED_MESSAGES] = {{"messages", NULL,
                        "The system keeps messages apart, without a framing.",
                        put_MESSAGES},
                       "messages kept apart by the system",
                       WHERRY_ABLE_MESSAGES,
                       0,
                       NULL},
    [NEED_STREAM] = {{"stream", NULL,
                      "Bytes in a framing that other programs know, such as lines.",
                      put_STREAM},
                     "bytes in a framing that others know",
                     WHERRY_ABLE_FRAMING,
                     0,
                     NULL},
    [NEED_FILES] = {{"files", NULL, "Open files go along with messages.", put_FILES},
                    "open files",
                    WHERRY_ABLE_FILES,
                    0,
                    NULL},
    [NEED_KINDS] = {{"kinds", NULL, "Messages have a number for their kind.",
                     put_KINDS},
                    "kinds",
                    WHERRY_ABLE_KINDS,
                    0,
                    NULL},
    [NEED_PRIORITY] = {{"priority", NULL, "Urgent messages overtake others.",
                        put_PRIORITY},
                       "urgent messages first",
                       WHERRY_ABLE_PRIORITY,
                       0,
                       NULL},
    [NEED_PICK] = {{"pick", NULL,
                    "Readers pick messages by kind and leave the rest to others.",
                    put_PICK},
                   "picking by kind",
                   WHERRY_ABLE_PICK,
                   0,
                   NULL},
    [NEED_OUTLIVES] = {{"outlives", NULL, "What was sent is kept while nobody runs.",
                        put_OUTLIVES},
                       "keeping it while nobody runs",
                       WHERRY_ABLE_OUTLIVES,
                       0,
                       NULL},
    [NEED_WORKERS] = {{"workers", NULL,
                       "Several readers share the messages, each is taken by one.",
                       put_WORKERS},
                      "several readers that share messages",
                      WHERRY_ABLE_MANY_READERS,
                      0,
                      NULL},
    [NEED_TOPIC] = {{"topic", NULL,
                     "Each of many readers gets all messages, and stops nobody.",
                     put_TOPIC},
                    "each of many readers",
                    0,
                    0,
                    has_topics},
    [NEED_MEMORY] = {{"shared-memory", NULL, "Processes see the same memory.",
                      put_MEMORY},
                     "the same memory",
                     0,
                     WHERRY_TRAIT_MEMORY,
                     NULL},
    [NEED_TURNS] = {{"turns", NULL,
                     "Processes take turns at something that they share.", put_TURNS},
                    "turns",
                    0,
                    WHERRY_TRAIT_TURNS,
                    NULL},
    [NEED_NOTICE] = {{"notice", NULL,
                      "Reaches a process that is busy with something else.",
                      put_NOTICE},
                     "reaching a busy process",
                     0,
                     WHERRY_TRAIT_NOTICE,
                     NULL},
    [NEED_SENDER] = {{"sender", NULL, "The system tells who speaks.", put_SENDER},
                     "the system's word on who speaks",
                     WHERRY_ABLE_SENDER,
                     0,
                     NULL},
    [NEED_CONFIRMED] = {{"confirmed", NULL, "The peer confirms that it has taken all.",
                         put_CONFIRMED},
                        "the peer's word that it took all",
                        WHERRY_ABLE_DRAIN,
                        0,
                        NULL},
    [NEED_LOSSLESS] = {{"lossless", NULL, "No message is lost while both ends run.",
                        put_LOSSLESS},
                       "nothing lost",
                       0,
                       0,
                       loses_nothing},
    [NEED_ENCRYPTED] = {{"encrypted", NULL, "Nobody on the way can read it.",
                         put_ENCRYPTED},
                        "nobody reading on the way",
                        0,
                        WHERRY_TRAIT_ENCRYPTED,
                        NULL},
    [NEED_DESCRIPTOR] = {{"descriptor", NULL,
                          "There is a descriptor to wait for with poll(2) or epoll.",
                          put_DESCRIPTOR},
                         "a descriptor for poll(2)",
                         WHERRY_ABLE_DESCRIPTOR,
                         0,
                         NULL},
};

bool need_is_met(const struct wherry_mechanism *mechanism, enum need_index index)
{
    const struct need *need = &needs[index];
    return (mechanism->abilities & need->abilities) == need->abilities &&
           (mechanism->traits & need->traits) == need->traits &&
           (!need->meets || need->meets(mechanism));
}

const char *need_option(uint32_t met)
{
    for (unsigned i = 0; i < NEEDS; i++)
        if (met >> i & 1 && options[i])
            return options[i];
    return NULL;
}
