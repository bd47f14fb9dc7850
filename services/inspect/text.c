/* SPDX-License-Identifier: MIT */
/*
 * What files in /proc/PID say: pure functions over their text.
 *
 * The kernel writes it, but names in it are what any process chose: a name may have
 * brackets, newlines and colons in it, and no text is trusted to be whole.
 */
#include "inspect/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wherry/signal.h>

enum { EVENT_READS = 1 }; // EPOLLIN, poll(2)

enum { LISTED_MOST = 16, KERNEL_THREAD = 0x00200000, SIGNALS = 64 };

/* --- words --------------------------------------------------------------- */

void words_add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(words->text + words->used, words->size - words->used, format,
                         arguments);
    va_end(arguments);
    if (size > 0)
        words->used += (size_t)size;
    if (words->used >= words->size)
        words->used = words->size - 1;
}

// How many bytes the character of UTF-8 has that begins there; 0: there is none.
static size_t character_size(const char *bytes, size_t most)
{
    static const struct {
        unsigned char least, last; // of the first byte
        unsigned char low, high;   // of the second one
        size_t size;
    } forms[] = {{0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
                 {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                 {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
                 {0xf4, 0xf4, 0x80, 0x8f, 4}};

    const unsigned char *at = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < sizeof(forms) / sizeof(forms[0]) &&
           (at[0] < forms[i].least || at[0] > forms[i].last))
        i++;
    if (i == sizeof(forms) / sizeof(forms[0]) || forms[i].size > most ||
        (forms[i].size > 1 && (at[1] < forms[i].low || at[1] > forms[i].high)))
        return 0;
    for (size_t more = 2; more < forms[i].size; more++)
        if ((at[more] & 0xc0) != 0x80)
            return 0;
    return forms[i].size;
}

void words_add_rest(struct words *words, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        const unsigned char byte = (unsigned char)bytes[i];
        const size_t character = character_size(bytes + i, size - i);
        const bool is_plain =
            character > 0 && byte >= ' ' && byte != 0x7f && byte != '?' && byte != '%';
        if (is_plain)
            words_add(words, "%.*s", (int)character, bytes + i);
        else
            words_add(words, "%%%02X", byte);
        i += is_plain ? character : 1;
    }
}

void name_copy(char *out, size_t room, const char *name, size_t size)
{
    size = size < room ? size : room - 1;
    memcpy(out, name, size);
    out[size] = 0;
}

size_t line_size(const char *text)
{
    return strcspn(text, "\n");
}

// The line behind this one, or NULL.
static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end && end[1] ? end + 1 : NULL;
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- taking apart -------------------------------------------------------- */

bool take_number(const char **at, int base, uint64_t *out)
{
    char *end;
    *out = strtoull(*at, &end, base);
    bool is_one = end != *at;
    *at = end;
    return is_one;
}

bool take_mark(const char **at, char mark)
{
    bool is_there = **at == mark;
    *at += is_there;
    return is_there;
}

bool take_word(const char **at, char *out, size_t room)
{
    *at += strspn(*at, " ");
    size_t size = strcspn(*at, " ");
    name_copy(out, room, *at, size);
    *at += size;
    return size > 0;
}

/* --- stat and status ----------------------------------------------------- */

// The fields behind the name, by their numbers in proc_pid_stat(5).
static bool stat_number(const char *fields, int wanted, uint64_t *out)
{
    for (int field = 3; fields && field < wanted; field++) {
        fields = strchr(fields, ' ');
        fields = fields ? fields + 1 : NULL;
    }
    if (!fields || !*fields)
        return false;
    *out = strtoull(fields, NULL, 10);
    return true;
}

int stat_read(const char *text, struct stat_line *out)
{
    const char *name = strchr(text, '(');
    const char *end = strrchr(text, ')'); // a name may have one, too
    uint64_t parent;
    uint64_t flags;
    uint64_t threads;
    uint64_t since;
    if (!name || !end || end < name || end[1] != ' ' || !end[2])
        return -EINVAL;
    if (!stat_number(end + 2, 4, &parent) || !stat_number(end + 2, 9, &flags) ||
        !stat_number(end + 2, 20, &threads) || !stat_number(end + 2, 22, &since))
        return -EINVAL;
    *out = (struct stat_line){.state = end[2],
                              .parent = (int64_t)parent,
                              .threads = (int64_t)threads,
                              .since = since,
                              .is_kernels = (flags & KERNEL_THREAD) != 0};
    name_copy(out->name, sizeof(out->name), name + 1, (size_t)(end - name - 1));
    return 0;
}

bool field_read(const char *text, const char *name, int base, uint64_t *out)
{
    size_t size = strlen(name);
    for (const char *line = text; line; line = next_line(line)) {
        if (strncmp(line, name, size) != 0 || line[size] != ':')
            continue;
        char *end;
        *out = strtoull(line + size + 1, &end, base);
        return end != line + size + 1;
    }
    return false;
}

/* --- links --------------------------------------------------------------- */

static const struct {
    const char *prefix;
    enum wherry_object object;
} kinds_of_link[] = {
    {"pipe:[", WHERRY_OBJECT_PIPE},
    {"socket:[", WHERRY_OBJECT_SOCKET},
    {"pidfd:[", WHERRY_OBJECT_PIDFD},
    {"/memfd:", WHERRY_OBJECT_MEMFD},
    {"anon_inode:[eventfd]", WHERRY_OBJECT_EVENTFD},
    {"anon_inode:[eventpoll]", WHERRY_OBJECT_EPOLL},
    {"anon_inode:[pidfd]", WHERRY_OBJECT_PIDFD},
    {"anon_inode:[timerfd]", WHERRY_OBJECT_TIMERFD},
    {"anon_inode:[signalfd]", WHERRY_OBJECT_SIGNALFD},
    {"anon_inode:inotify", WHERRY_OBJECT_INOTIFY},
    {"anon_inode:[fanotify]", WHERRY_OBJECT_FANOTIFY},
    {"anon_inode:", WHERRY_OBJECT_OTHER},
};

// "net:[4026531840]"
static bool is_namespace(const char *text)
{
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    size_t digits =
        begins_with(text + word, ":[") ? strspn(text + word + 2, "0123456789") : 0;
    return word > 0 && digits > 0 && strcmp(text + word + 2 + digits, "]") == 0;
}

void link_read(const char *text, struct link *out)
{
    static const char deleted[] = " (deleted)";
    const size_t tail = sizeof(deleted) - 1;
    size_t size = strlen(text);
    *out = (struct link){.object = WHERRY_OBJECT_UNKNOWN, .name = text};
    for (size_t i = 0; i < sizeof(kinds_of_link) / sizeof(kinds_of_link[0]); i++)
        if (out->object == WHERRY_OBJECT_UNKNOWN &&
            begins_with(text, kinds_of_link[i].prefix))
            out->object = kinds_of_link[i].object;
    if (out->object == WHERRY_OBJECT_UNKNOWN && text[0] != '/')
        out->object =
            is_namespace(text) ? WHERRY_OBJECT_NAMESPACE : WHERRY_OBJECT_OTHER;
    // A file may be called so, too: the inode's count of links tells (proc_look).
    out->is_deleted =
        text[0] == '/' && size > tail && strcmp(text + size - tail, deleted) == 0;
    if (out->is_deleted)
        size -= tail;
    if (out->object == WHERRY_OBJECT_MEMFD) {
        out->name++;
        size--;
        out->is_deleted = false; // as it always is
    }
    out->name_size = size;
}

/* --- fdinfo -------------------------------------------------------------- */

// "3, 4 and 200 more", of the lines that begin with `name`.
static void list_numbers(const char *fdinfo, const char *name, struct words *out)
{
    size_t count = 0;
    size_t size = strlen(name);
    for (const char *line = fdinfo; line; line = next_line(line)) {
        if (strncmp(line, name, size) != 0)
            continue;
        long number = strtol(line + size, NULL, 10);
        if (count < LISTED_MOST)
            words_add(out, "%s%ld", count ? ", " : "", number);
        count++;
    }
    if (count > LISTED_MOST)
        words_add(out, " and %zu more", count - LISTED_MOST);
}

static size_t count_lines(const char *fdinfo, const char *name)
{
    size_t count = 0;
    for (const char *line = fdinfo; line; line = next_line(line))
        count += begins_with(line, name);
    return count;
}

static void epoll_words(const char *fdinfo, struct words *out)
{
    size_t count = count_lines(fdinfo, "tfd:");
    words_add(out, count == 0 ? "watches nothing" : "watches ");
    list_numbers(fdinfo, "tfd:", out);
}

static void eventfd_words(const char *fdinfo, struct words *out)
{
    uint64_t count;
    if (field_read(fdinfo, "eventfd-count", 16, &count))
        words_add(out, "count %" PRIu64, count);
}

static void pidfd_words(const char *fdinfo, struct words *out)
{
    uint64_t pid;
    if (!field_read(fdinfo, "Pid", 10, &pid))
        return;
    if ((int64_t)pid > 0)
        words_add(out, "of process %" PRIu64, pid);
    else // ULLONG_MAX is -1: it has ended; 0: it is in another pid namespace
        words_add(out,
                  pid == 0 ? "of a process elsewhere" : "of a process that has ended");
}

static void timerfd_words(const char *fdinfo, struct words *out)
{
    static const char value[] = "it_value: (";
    const char *at = strstr(fdinfo, value);
    char *end = NULL;
    uint64_t seconds = at ? strtoull(at + sizeof(value) - 1, &end, 10) : 0;
    if (!end || *end != ',')
        return;
    uint64_t rest = strtoull(end + 1, NULL, 10);
    if (seconds == 0 && rest == 0)
        words_add(out, "not set");
    else
        words_add(out, "in %" PRIu64 ".%03" PRIu64 " s", seconds, rest / 1000000);
}

static void signalfd_words(const char *fdinfo, struct words *out)
{
    uint64_t mask;
    if (!field_read(fdinfo, "sigmask", 16, &mask))
        return;
    words_add(out, mask ? "takes" : "takes nothing");
    for (int i = 1; i <= SIGNALS; i++) {
        char name[16];
        if ((mask >> (i - 1) & 1) && wherry_signal_name(i, name, sizeof(name)) == 0)
            words_add(out, " %s", name);
    }
}

static void inotify_words(const char *fdinfo, struct words *out)
{
    size_t count = count_lines(fdinfo, "inotify ");
    words_add(out, "%zu watch%s", count, count == 1 ? "" : "es");
}

void object_words(enum wherry_object object, const char *fdinfo, struct words *out)
{
    static void (*const tables[])(const char *fdinfo, struct words *out) = {
        [WHERRY_OBJECT_EVENTFD] = eventfd_words,
        [WHERRY_OBJECT_EPOLL] = epoll_words,
        [WHERRY_OBJECT_PIDFD] = pidfd_words,
        [WHERRY_OBJECT_TIMERFD] = timerfd_words,
        [WHERRY_OBJECT_SIGNALFD] = signalfd_words,
        [WHERRY_OBJECT_INOTIFY] = inotify_words,
    };

    if ((size_t)object < sizeof(tables) / sizeof(tables[0]) && tables[object])
        tables[object](fdinfo, out);
}

/* --- maps ---------------------------------------------------------------- */

static const struct {
    const char *prefix;
    const char *scheme; // what stands before the rest of the name
} kinds_of_mapping[] = {
    {"/dev/shm/sem.", "sem:/"}, {"/dev/shm/", "shm:/"}, {"/memfd:", "memfd:"}};

// "/SYSV00001234": its inode is its number, and 0 is the key of those without one.
static bool shared_segment(const char *name, uint64_t inode, struct words *out)
{
    static const char prefix[] = "/SYSV";
    char *end;
    if (!begins_with(name, prefix))
        return false;
    unsigned long key = strtoul(name + sizeof(prefix) - 1, &end, 16);
    if (end != name + sizeof(prefix) - 1 + 8)
        return false;
    if (key)
        words_add(out, "shmv:0x%lx", key);
    else
        words_add(out, "shmv:#%" PRIu64, inode);
    return true;
}

/* What stands before the name in a line of maps. */
struct mapping_line {
    uint64_t from;
    uint64_t to;
    char rights[8];
    uint64_t inode;
};

// "7f00-7f10 rw-s 00000000 00:01 5   "
static bool take_mapping(const char **at, struct mapping_line *out)
{
    char other[32];
    return take_number(at, 16, &out->from) && take_mark(at, '-') &&
           take_number(at, 16, &out->to) &&
           take_word(at, out->rights, sizeof(out->rights)) &&
           take_word(at, other, sizeof(other)) && take_word(at, other, sizeof(other)) &&
           take_number(at, 10, &out->inode) && out->to >= out->from &&
           strlen(out->rights) == 4;
}

// "… /SYSV00001234 (deleted)"
bool mapping_read(const char *line, size_t size, struct mapping *out)
{
    char text[LINK_MOST + 128];
    const char *at = text;
    struct mapping_line begin;
    struct link link;
    struct words address = {out->address, sizeof(out->address), 0};
    name_copy(text, sizeof(text), line, size);
    if (!take_mapping(&at, &begin))
        return false;
    char *name = text + (at - text) + strspn(at, " ");
    link_read(name, &link);
    text[(size_t)(link.name - text) + link.name_size] = 0;
    out->size = begin.to - begin.from;
    out->inode = begin.inode;
    out->is_deleted = link.is_deleted;
    out->writes = begin.rights[1] == 'w' && begin.rights[3] == 's';
    if (shared_segment(name, begin.inode, &address)) {
        out->is_deleted = false; // as they always are
        return true;
    }
    for (size_t i = 0; i < sizeof(kinds_of_mapping) / sizeof(kinds_of_mapping[0]); i++)
        if (begins_with(name, kinds_of_mapping[i].prefix)) {
            const char *rest = name + strlen(kinds_of_mapping[i].prefix);
            words_add(&address, "%s", kinds_of_mapping[i].scheme);
            words_add_rest(&address, rest, strlen(rest));
            return true;
        }
    return false;
}

bool epoll_reads(const char *fdinfo, int number)
{
    static const char key[] = "tfd:";
    static const char events[] = "events:";
    for (const char *at = fdinfo; (at = strstr(at, key)); at += sizeof(key) - 1) {
        const char *mask = strstr(at, events);
        bool is_it = strtol(at + sizeof(key) - 1, NULL, 10) == number;
        if (is_it && mask &&
            (strtoul(mask + sizeof(events) - 1, NULL, 16) & EVENT_READS))
            return true;
    }
    return false;
}
