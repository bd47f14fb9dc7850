/* SPDX-License-Identifier: MIT */
/*
 * What the parts of inspection know of each other.
 *
 * Reading what the kernel prints is pure functions over text (text.c, sockets.c);
 * asking it is proc_linux.c, call_linux.c and sockets_linux.c alone; the rest puts
 * together.  Texts of a view are in its arena.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/inspect.h>

enum {
    LINK_MOST = 4096 + 16, /* a path, and " (deleted)" */
    TEXT_MOST = 4096,      /* of a file in /proc that is short */
    WORDS_MOST = 256,
    ADDRESS_MOST = 512 /* of a socket: each byte of its name may stand as %HH */
};

/* --- arena.c: memory that is freed at once ------------------------------------------
 */

struct arena {
    struct arena_block *blocks;
    bool failed; /* something was NULL for want of memory */
};

/* Zeroed; NULL: no memory. */
void *arena_take(struct arena *arena, size_t size);

/* A copy with a 0 behind it; "" where there is no memory. */
const char *arena_text(struct arena *arena, const char *text, size_t size);

/* A list of `count` members of `size` bytes gets room for one more: `list`, or a larger
 * copy; NULL: no memory. */
void *arena_room(struct arena *arena, void *list, size_t count, size_t size);

void arena_free(struct arena *arena);

/* --- text.c: what /proc/PID says -----------------------------------------------------
 */

/* Whether an epoll, by its text of /proc/PID/fdinfo, waits for something to read at
 * that number of the process. */
bool epoll_reads(const char *fdinfo, int number);

/* Text that grows up to a bound: adds printf(3)'s words, cut where there is no room. */
struct words {
    char *text;
    size_t size, used;
};

void words_add(struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds bytes as the rest of an address has them: what would begin its options, "%",
 * control characters, and what is no UTF-8, as %HH. */
void words_add_rest(struct words *words, const char *bytes, size_t size);

/* The name of a process: its first `size` bytes become a text. */
void name_copy(char *out, size_t room, const char *name, size_t size);

/* What comes next in a text; it stands behind it then.  False: something else does. */
bool take_number(const char **at, int base, uint64_t *out);
bool take_mark(const char **at, char mark);

/* As much of the word as there is room for; blanks before it are passed over. */
bool take_word(const char **at, char *out, size_t room);

struct stat_line {
    char name[64];
    char state; /* one letter */
    int64_t parent;
    int64_t threads;
    uint64_t since;  /* clock ticks since the machine started */
    bool is_kernels; /* a thread of the kernel */
};

/* /proc/PID/stat.  Errors: -EINVAL. */
int stat_read(const char *text, struct stat_line *out);

/* The number behind "NAME:" at the begin of a line; its base as strtoull(3). */
bool field_read(const char *text, const char *name, int base, uint64_t *out);

/* What a link in /proc/PID/fd says. */
struct link {
    enum wherry_object object; /* UNKNOWN: the inode tells */
    const char *name;          /* borrowed: a part of the text */
    size_t name_size;
    bool is_deleted;
};

void link_read(const char *text, struct link *out);

/* What the fdinfo of such an object says, in words. */
void object_words(enum wherry_object object, const char *fdinfo, struct words *out);

struct mapping {
    char address[ADDRESS_MOST]; /* as in wherry_view_held */
    uint64_t size;
    uint64_t inode;
    bool writes, is_deleted;
};

/* One line of /proc/PID/maps; false: it is no object of the kinds that are told. */
bool mapping_read(const char *line, size_t size, struct mapping *out);

/* The line that begins at `text`: its size, without the newline. */
size_t line_size(const char *text);

/* --- sockets.c: all sockets of a network namespace -----------------------------------
 */

struct socket_row {
    uint64_t inode;
    uint64_t peer;      /* its inode; 0: none, or not known */
    const char *type;   /* "unix stream", "tcp" */
    const char *local;  /* "unix:/path", "tcp:127.0.0.1:80" */
    const char *remote; /* the same of the peer */
    uint64_t unread, unsent;
    int64_t user;  /* whose it is; -1: not known */
    uint32_t file; /* the inode of the path that it is bound to, as far as 32 bits can
                      say; 0: none, or not known */
    bool listens, is_connected;
};

struct sockets {
    struct arena arena;
    struct socket_row *rows; /* by inode, after sockets_sort() */
    size_t count;
};

/* Errors: -ENOMEM. */
int sockets_add(struct sockets *sockets, const struct socket_row *row);

/* All of /proc/PID/net/tcp and its like: `type` is "tcp" or "udp". */
int sockets_add_inet(struct sockets *sockets, const char *text, const char *type);

/* All of /proc/PID/net/unix: without peers. */
int sockets_add_unix(struct sockets *sockets, const char *text);

/* "unix packet" …; borrowed. */
const char *unix_type_name(unsigned type);

/* "unix:/path" or "unix:@name" of what the kernel has, where a 0 begins the latter. */
void unix_address(const char *name, size_t size, struct words *out);

/* own.c: those of this user's directory of Wherry's get the address that they have
 * there, "local:NAME".  Errors of that directory leave them as they are. */
void sockets_name_own(struct sockets *sockets);

/* Before the functions below; finds the peers of inet sockets on this machine. */
int sockets_sort(struct sockets *sockets);

const struct socket_row *sockets_find(const struct sockets *sockets, uint64_t inode);
void sockets_free(struct sockets *sockets);

/* --- sockets_linux.c -----------------------------------------------------------------
 */

/* All sockets of the namespace that the process is in.  0, -EXDEV (another one than
 * this process's: the peers of unix sockets are not known), or an error. */
int sockets_look(int directory, struct sockets *out);

/* The unix sockets alone, of this process's namespace.  As sockets_look. */
int sockets_look_unix(struct sockets *out);

/* --- proc_linux.c: asking the kernel -------------------------------------------------
 */

/* The directory of a process, which stays that process's.  Errors: as
 * wherry_inspect_state. */
int proc_open(int64_t pid);
void proc_close(int directory);

/* The beginning of a file in it, as text: how many bytes, or an error; -ESRCH: the
 * process has ended. */
int64_t proc_read(int directory, const char *name, char *out, size_t size);

/* All of it; to be freed.  1: there is more than `most` bytes of it, which are left
 * out. */
int proc_read_all(int directory, const char *name, size_t most, char **out);

/* What a symbolic link in it says. */
int proc_link(int directory, const char *name, char *out, size_t size);

/* The numbers of the process, ascending; to be freed.  More than `most` are counted. */
int proc_numbers(int directory, size_t most, int **out, size_t *count, size_t *more);

/* What is there at a number. */
struct look {
    enum wherry_object object; /* UNKNOWN: no inode of a known type */
    uint32_t device_major, device_minor;
    uint64_t inode; /* 0: it is the same for all of its kind */
    bool is_there;  /* the link seems to be of a deleted file, and is not */
};

/* `link` is what the link in fd says, of which the text stands behind its name. */
int proc_look(int directory, int number, const struct link *link, struct look *out);

/* More about an object than fdinfo has, in words. */
void proc_more(int directory, int number, enum wherry_object object,
               struct words *words);

/* "sem:/name" or "shm:/name" of what is mapped under a name that is not there any more:
 * C libraries make semaphores under another name first.  False: it has none. */
bool proc_shared_name(uint64_t inode, struct words *out);

/* The protocol of a socket that no table has: "NETLINK". */
bool proc_protocol(int directory, int number, char *out, size_t size);

/* The flags of fdinfo. */
struct flags {
    bool reads, writes, closes_on_exec;
};

void flags_read(uint64_t bits, struct flags *out, struct words *words);

/* Whether two numbers refer to one description: 0; below 0 or above: the order among
 * different ones.  *error is set where the kernel does not say. */
int proc_compare(int64_t pid, int number, int64_t other, int other_number, int *error);

/* The processes there are; to be freed. */
int proc_all(int64_t **out, size_t *count);

/* Whether one that runs or is ready has a processor; takes up to 12 ms of ours. */
bool proc_is_running(int directory, int64_t pid);

/* Its threads; to be freed.  The first 4096 of them. */
int proc_threads(int directory, int64_t **out, size_t *count);

/* How many of its threads run or are ready. */
int64_t proc_ready_threads(int directory);

/* --- memory_linux.c: memory that a process has open ----------------------------------
 */

/* The device that memory without a name is on. */
int memory_device(uint64_t *out);

/* Opens such memory that is at a number, to be read.  Never waits.  Errors: -EPROTO (it
 * is something else), -ESRCH (it is not there any more), -EACCES, -EWOULDBLOCK (a lease
 * on it is being broken) …. */
int memory_open(int directory, int number, uint64_t device, uint64_t *inode);
void memory_close(int fd);

/* --- call_linux.c: what a process waits for ------------------------------------------
 */

/* Fills in awaited, number, object, cause and text of a blocked process. */
void call_look(int directory, struct wherry_process_state *out);

/* What a thread waits in, of which `name` is the file: "task/4711/syscall". */
enum queue_call {
    QUEUE_CALL_NONE,
    QUEUE_CALL_MESSAGES,   /* a System V queue: *number is which, */
    QUEUE_CALL_SEMAPHORES, /* a set of semaphores, */
    QUEUE_CALL_NUMBER      /* a POSIX queue that it has open: as which number */
};

enum queue_call call_queue(int directory, const char *name, uint64_t *number);

/* --- state.c -------------------------------------------------------------------------
 */

/* wherry_inspect_state() of an open directory. */
int state_look(int directory, int64_t pid, struct wherry_process_state *out);

/* What is at a number, and its name with an article: "a pipe". */
enum wherry_object object_look(int directory, int number);
void object_article(enum wherry_object object, struct words *out);

/* --- tables.c: the descriptors of one process, and what they refer to ----------------
 */

/* A description, for searching: by link, then in the kernel's order. */
struct group {
    const char *link;
    int number; /* one that refers to it */
    size_t description;
};

struct tables {
    struct arena *arena;
    int directory;
    int64_t pid;
    struct wherry_view_descriptor *descriptors;
    struct wherry_view_description *descriptions;
    struct wherry_view_object *objects;
    struct group *groups;
    uint64_t *peers; /* of each object: the inode of its peer, or 0 */
    size_t descriptor_count, description_count, object_count;
    size_t not_looked_at;
    int descriptors_cause, sharing_cause, sockets_cause;
};

/* Errors: -ENOMEM, -EMFILE, -ESRCH; what may not be seen is in the causes. */
int tables_look(struct tables *tables, size_t descriptors_most);

/* --- others.c: who else has them -----------------------------------------------------
 */

struct others {
    size_t most; /* descriptors */
    size_t processes, unseen;
    bool is_cut;
};

int others_look(struct tables *tables, struct others *others);

#endif
