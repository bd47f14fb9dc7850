/* SPDX-License-Identifier: MIT */
/*
 * Looking into processes: what one does, what it has open, and who is at the other end;
 * and at the machine: which objects live on it, who has them, what nobody has any more.
 * In libwherry-services.
 *
 *     struct wherry_process_state state;
 *     if (wherry_inspect_state(pid, &state, sizeof(state)) == 0)
 *         puts(state.text); // "reads number 0, a pipe"
 *
 * An open file lives in three tables.  A number is a place in the process's table of
 * descriptors, which refers to an open file description, which has the offset and is
 * shared by dup(2), by fork(2) and by passing it in a message; that refers to an
 * object: an inode, a socket, or what the kernel has instead.
 *
 * All of it is what the kernel says (/proc, kcmp(2), sock_diag(7)) at that moment; a
 * process that goes on meanwhile may be seen between two states of its own.  Nothing is
 * changed: no process is stopped, nothing is taken out of what it has open.  What this
 * user may not see is told as an error beside what is seen, and never guessed.
 *
 * Names and paths are any bytes but 0: escape what you print.  Any thread may call
 * these.  They do not wait for the process, but look for up to 12 ms whether one that
 * could run does; what the kernel holds up while it looks
 * (memory of a process that a dead disk has) holds up the callers of
 * wherry_inspect_process() and wherry_inspect_objects(), too.  Their errors have no
 * sentence in wherry_error_text(), and what it said before may be gone.
 */
#ifndef WHERRY_INSPECT_H
#define WHERRY_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/export.h>
#include <wherry/memory.h>

WHERRY_BEGIN

/* --- what a process does -------------------------------------------------------------
 */

enum wherry_doing {
    WHERRY_DOING_UNKNOWN,
    WHERRY_DOING_RUNS,    /* a processor is with it */
    WHERRY_DOING_READY,   /* it waits for a processor */
    WHERRY_DOING_BLOCKED, /* it waits for something: `awaited` */
    WHERRY_DOING_STOPPED, /* by a signal, until SIGCONT */
    WHERRY_DOING_TRACED,  /* by a debugger */
    WHERRY_DOING_ZOMBIE   /* it has ended, and its parent has not waited for it */
};

/* What a blocked process waits for. */
enum wherry_awaited {
    WHERRY_AWAITED_NOTHING, /* it is not blocked */
    WHERRY_AWAITED_UNKNOWN,
    WHERRY_AWAITED_INPUT, /* bytes, a message, a connection: of `number` */
    WHERRY_AWAITED_ROOM,  /* at `number`, to write */
    WHERRY_AWAITED_EVENT, /* of one of several descriptors, or of what `number` watches
                           */
    WHERRY_AWAITED_CHILD,
    WHERRY_AWAITED_TIME,
    WHERRY_AWAITED_SIGNAL,
    WHERRY_AWAITED_LOCK,   /* in memory (futex(2)), or of the file `number` */
    WHERRY_AWAITED_QUEUE,  /* a System V queue or semaphore */
    WHERRY_AWAITED_OPENING /* a FIFO's other end, a device */
};

/* What is behind an open file. */
enum wherry_object {
    WHERRY_OBJECT_UNKNOWN,
    WHERRY_OBJECT_FILE,
    WHERRY_OBJECT_DIRECTORY,
    WHERRY_OBJECT_SYMLINK,
    WHERRY_OBJECT_DEVICE, /* of characters */
    WHERRY_OBJECT_DISK,   /* a device of blocks */
    WHERRY_OBJECT_TERMINAL,
    WHERRY_OBJECT_PIPE,
    WHERRY_OBJECT_FIFO,
    WHERRY_OBJECT_SOCKET,
    WHERRY_OBJECT_MEMFD,
    WHERRY_OBJECT_MQ,
    WHERRY_OBJECT_EVENTFD,
    WHERRY_OBJECT_EPOLL,
    WHERRY_OBJECT_PIDFD,
    WHERRY_OBJECT_TIMERFD,
    WHERRY_OBJECT_SIGNALFD,
    WHERRY_OBJECT_INOTIFY,
    WHERRY_OBJECT_FANOTIFY,
    WHERRY_OBJECT_NAMESPACE,
    WHERRY_OBJECT_OTHER /* the name says which */
};

/* "regular file", "pipe", "eventfd" …; never NULL. */
WHERRY_EXPORT const char *wherry_object_name(enum wherry_object object);

/* "running", "ready", "blocked" …; never NULL. */
WHERRY_EXPORT const char *wherry_doing_name(enum wherry_doing doing);

/* The state of a process: of its first thread. */
struct wherry_process_state {
    int64_t pid;
    int64_t parent; /* 0: none, or in another pid namespace */
    int64_t threads;
    int64_t threads_ready; /* of the first 4096 of them: that run or are ready */
    enum wherry_doing doing;
    enum wherry_awaited awaited;
    int number;                /* the descriptor it waits for; -1: none, or not one */
    enum wherry_object object; /* what that is */
    int cause; /* 0; else why `awaited` is not known: -EACCES (not allowed to see) */
    char name[64];   /* of the program, any bytes; the system keeps 15 of most */
    char text[256];  /* in words: "reads number 0, a pipe", "waits for a child" */
    int reads_stdin; /* 1: it waits for what comes at number 0, or at others, too */
};

/* Tells what a process does.  `size` is sizeof(struct wherry_process_state).
 * Errors: -ESRCH (there is no such process; a thread is none), -EACCES (its existence
 * is all that this user may see), -EINVAL (a number below 1), -ENOTSUP (no /proc),
 * -EMFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_inspect_state(int64_t pid, struct wherry_process_state *out,
                                       size_t size);

/* Tells in one sentence of at most `size` bytes (448 are always enough, the NUL is
 * counted) why a program that reads its stdin and was asked something says nothing, as
 * far as can be seen: ask when a deadline has passed.  1: it has read all that it was
 * sent, at number 0, and waits for more there, or at others, too: its answer is likely
 * in a buffer of its own (setvbuf(3)).  0: it does something else, which the sentence
 * tells. Errors: as wherry_inspect_state. */
WHERRY_EXPORT int wherry_inspect_silence(int64_t pid, char *out, size_t size);

/* --- the three tables ----------------------------------------------------------------
 */

/* A number in a process. */
struct wherry_place {
    int64_t pid;
    int number;
    int reads, writes; /* 1, 0, or -1: not known */
    const char *name;  /* of the process */
};

struct wherry_view_descriptor {
    int number;
    int close_on_exec;  /* 1, 0, or -1: not known */
    size_t description; /* its place in `descriptions` */
};

struct wherry_view_description {
    int64_t offset;     /* bytes; -1: it has none that matters */
    int reads, writes;  /* 1, 0, or -1: not known */
    const char *flags;  /* "append, nonblocking", "" */
    size_t object;      /* its place in `objects` */
    const int *numbers; /* those of this process that refer to it, ascending */
    size_t number_count;
    const struct wherry_place *shared; /* those of other processes */
    size_t shared_count;
};

struct wherry_view_object {
    enum wherry_object object;
    uint32_t device_major, device_minor; /* where the inode is; */
    uint64_t inode;                      /* 0: it has none of its own */
    const char *name;  /* a path, "memfd:name" or what the kernel calls it; "": none */
    int is_deleted;    /* nobody finds it under that name any more */
    const char *type;  /* of a socket: "unix stream", "tcp"; else "" */
    const char *local; /* a socket's addresses, as wherry_dial() has them; "": none, */
    const char *peer;  /* or not known */
    const char *text;  /* in words: "listens", "watches numbers 4 and 7"; "" */
    /* Of a pipe or FIFO: numbers of other processes that are open for it.  Of a socket:
     * those of its peer, in this process too. */
    const struct wherry_place *ends;
    size_t end_count;
};

/* An object of the system that the process has mapped, or a queue it has open. */
struct wherry_view_held {
    const char *address; /* "shm:/name", "sem:/name", "shmv:0x1234", "shmv:#3",
                            "memfd:name", "mq:/name" */
    uint64_t size;       /* bytes that are mapped */
    int writes;          /* 1: it may write there */
    int is_deleted;      /* 1: nobody finds it under that name any more */
};

/* All that is known of a process; NULL is never among the texts. */
struct wherry_process_view {
    struct wherry_process_state state;
    const char *parent_name;
    const char *command; /* its arguments, a blank between them; "": not known */
    int64_t user;        /* who it acts as; -1: not known */

    const struct wherry_view_descriptor *descriptors; /* by number */
    size_t descriptor_count;
    const struct wherry_view_description *descriptions; /* by lowest number */
    size_t description_count;
    const struct wherry_view_object *objects; /* by lowest number */
    size_t object_count;
    const struct wherry_view_held *held;
    size_t held_count;

    /* What is missing, and why.  0: nothing.  -EACCES, -EPERM: not allowed to see;
     * -ENOSYS: the kernel does not tell (or a filter refuses to ask). */
    int descriptors_cause; /* the tables are empty */
    int sharing_cause;     /* each number stands as a description of its own */
    int held_cause;    /* `held` lacks what is mapped; -E2BIG: what is beyond 4096 */
    int sockets_cause; /* addresses and peers are not there; -E2BIG: of some, there are
                          too many in all; -EXDEV: the process is in
                          another network namespace, its unix peers are not there */
    size_t not_looked_at; /* numbers beyond descriptors_most */
    size_t processes;     /* other ones that were looked into */
    size_t unseen; /* that may not be looked into: `shared` and `ends` lack them */
    int is_cut;    /* 1: others_most was reached; so do */
};

/* How far to look; all zero is good. */
struct wherry_inspect_wish {
    size_t descriptors_most; /* of the process; 0: 65,536 */
    size_t others_most;      /* of all others together; 0: 4,194,304 */
    int alone;               /* 1: others are not looked into */
};

/* Looks into a process.  `wish` may be NULL.  The view and all in it are yours:
 * wherry_view_free().  Errors: as wherry_inspect_state; a process that ends meanwhile
 * is -ESRCH. */
WHERRY_EXPORT int wherry_inspect_process(int64_t pid,
                                         const struct wherry_inspect_wish *wish,
                                         struct wherry_process_view **out);

/* NULL is fine. */
WHERRY_EXPORT void wherry_view_free(struct wherry_process_view *view);

/* --- channels over memory ------------------------------------------------------------
 *
 * Both ends of a `local:` that has gone over to memory have made some, and so have the
 * writer of a topic and each of its readers.  What they say there of themselves
 * (wherry/memory.h) is put together here: of a process that may be looked into, from
 * its side.  Who is at the other end is the kernel's word (sock_diag(7)), counts are
 * those of the processes, which may say anything; what cannot be is not known.  It is
 * all as it was since the memory was made, at the first burst, or after idleness.
 */

/* One direction of a channel.  -1: not known, as in all numbers here. */
struct wherry_flow {
    int64_t ring; /* bytes of it, */
    int64_t used; /* of which not given back by the reader; of a topic, which are there
                   */
    int64_t sent_messages;
    int64_t sent_bytes; /* of their payload */
    int64_t received_messages;
    int64_t received_bytes;
    int64_t waiting_messages; /* sent and not received */
    int64_t waiting_bytes;
    int writer_sleeps; /* 1: until there is room, or a block to lend; 0 */
    int reader_sleeps; /* 1: until there is a message; 0 */
    int64_t pool;      /* bytes that the sender lends (`loan=`); 0: none */
    int64_t blocks;    /* of it, sent and not freed by the receiver */
};

/* A reader of a topic. */
struct wherry_view_reader {
    int64_t pid;
    int number;       /* of its memory in that process */
    const char *name; /* of the process */
    int64_t received_messages;
    int64_t lost_messages;   /* overwritten before it read them, or passed over */
    int64_t behind_messages; /* there to be read, and not yet read */
    int64_t behind_bytes;    /* of the ring that they take */
    int64_t behind_age;      /* nanoseconds since the oldest was published; 0: none */
    int overtaken;           /* 1: others that it has not read are overwritten; 0 */
    int sleeps;              /* 1: until there is a message; 0 */
    const char *why;         /* something is not known, and why; else "" */
};

/* A channel, from one of its ends; NULL is never among the texts. */
struct wherry_view_channel {
    enum wherry_memory_use use; /* CHANNEL, TOPIC, READER; 0: not known */
    int number;                 /* of its memory in this process, */
    int socket;                 /* and of the socket beside it, or that listens */
    int64_t maker;              /* the process that made that memory, as it says */
    int64_t memory;             /* bytes of both ends, as far as they are known */
    const char *address;        /* "local:NAME"; "": it has none */
    const struct wherry_place *peers; /* who has the other end's socket */
    size_t peer_count;
    struct wherry_flow out; /* from this process; of a reader nothing */
    struct wherry_flow in;  /* to it; of a topic nothing */
    const struct wherry_view_reader *readers; /* of a topic; of a reader, itself */
    size_t reader_count;
    const char *why; /* something is not known, and why; else "" */
};

/* The channels of a process that go through memory, by number. */
struct wherry_channels_view {
    struct wherry_process_state state;
    const struct wherry_view_channel *channels;
    size_t channel_count;
    int descriptors_cause; /* as in struct wherry_process_view: none is seen */
    int sockets_cause;
    size_t processes; /* other ones that were looked into */
    size_t unseen;    /* that may not be looked into: `peers` lack them */
    int is_cut; /* 1: a bound was reached (4096 channels and readers are shown): there
                   is more */
};

/* Looks at the channels of a process that go through memory.  `wish` may be NULL.
 * Memory is read as a file is, never mapped; nothing is written, no process is stopped
 * or waited for.  The view and all in it are yours: wherry_channels_view_free().
 * Errors: as wherry_inspect_process. */
WHERRY_EXPORT int wherry_inspect_channels(int64_t pid,
                                          const struct wherry_inspect_wish *wish,
                                          struct wherry_channels_view **out);

/* NULL is fine. */
WHERRY_EXPORT void wherry_channels_view_free(struct wherry_channels_view *view);

/* --- the objects of the machine ------------------------------------------------------
 *
 * What outlives a process, or can be found without it: queues, semaphores and segments
 * of System V, POSIX queues, regions and semaphores, leases of Wherry's and the
 * doorbells of those who wait there (FIFOs), FIFOs and unix sockets in use, this user's
 * names of `local:`, memory without a name.  All that this user may see in the
 * namespaces (ipc, mount, network) that the caller is in.
 *
 * Who has an object is what /proc says, of the processes that may be looked into.
 * Whether anybody has it is asked of the kernel, which knows of all of them, also those
 * of other containers: a write lease, fcntl(2), of a file that nobody has open or
 * mapped, a count of attachments, a refused connection, a doorbell that nobody reads
 * from.  Where it cannot be asked, it is not known; that no holder was seen proves
 * nothing.
 */

/* How a process has an object; several at a time. */
enum wherry_ipc_how {
    WHERRY_IPC_OPEN = 1,       /* a descriptor of it */
    WHERRY_IPC_MAPPED = 2,     /* in its memory; of System V: attached */
    WHERRY_IPC_LISTENS = 4,    /* a socket that can be dialled there */
    WHERRY_IPC_BOUND = 8,      /* a socket with that address that does not listen */
    WHERRY_IPC_CONNECTED = 16, /* a socket that was accepted there, or dialled there */
    WHERRY_IPC_WAITS = 32      /* a thread of it waits there, in a system call */
};

/* "open", "mapped" … of one of these; "" of anything else. */
WHERRY_EXPORT const char *wherry_ipc_how_name(unsigned how);

/* The schemes of these objects, one by one from 0 on: "fifo", "lease" …; NULL: there
 * are no more. */
WHERRY_EXPORT const char *wherry_ipc_scheme(size_t index);

struct wherry_ipc_holder {
    int64_t pid;
    const char *name; /* of the process; "": not known */
    unsigned how;     /* enum wherry_ipc_how */
};

/* One object; NULL is never among the texts. */
struct wherry_ipc_object {
    const char *address; /* as wherry_dial() or wherry_region_open() have it; of
                            memory without a name, "memfd:" and what it is called */
    const char *scheme;  /* "shmv" */
    const char *kind;    /* "System V segment" */
    int64_t user, group; /* whose it is; -1: not known */
    int mode;            /* access rights, 0 to 0777; -1: not known, or it has none */
    int64_t size;        /* bytes in it, or that wait in it; -1: not known, or none */
    int64_t count;       /* of `counted`; -1: not known, or none */
    const char
        *counted;    /* "messages", "semaphores", "attachments", "connections"; "" */
    int64_t created; /* nanoseconds since 1970; 0: not known.  Of System V: made, */
    int64_t changed; /* or its owner or mode changed */
    int64_t creator; /* the process that made it, if the kernel keeps that; 0 */
    int64_t last_pids[2]; /* who used it last: of a segment [0]; of a System V queue who
                             sent and who received; 0: nobody, or not known */
    const struct wherry_ipc_holder *holders; /* those that were seen */
    size_t holder_count;
    int left;        /* 1: somebody has it; 0: provably nobody; -1: not known */
    const char *why; /* of -1, and of somebody who was not seen, in words; else "" */
    int is_deleted;  /* 1: nobody finds it under that name any more, or not from here */
    uint32_t device_major, device_minor; /* where its file is; */
    uint64_t inode;                      /* of System V its number; 0: it has neither */
};

/* All of them, by scheme, then by address; NULL is never among the texts. */
struct wherry_ipc_view {
    const struct wherry_ipc_object *objects;
    size_t object_count;
    const char *const *notes; /* what of the machine could not be seen, in sentences
                                 that say what would help */
    size_t note_count;
    size_t processes; /* that were looked into */
    size_t unseen;    /* that may not be looked into: `holders` lack them */
    int is_cut;       /* 1: a bound was reached, there is more than this */
};

/* What to look for; all zero is everything. */
struct wherry_ipc_wish {
    /* Only objects whose address is like one of these, fnmatch(3), which ends with
     * NULL: "shm:/charts-*"; a scheme alone ("shm", "shm:") is all of its objects.
     * "unix:/DIRECTORY/…" also finds the sockets in that directory that nobody is bound
     * to any more.  NULL: all. */
    const char *const *patterns;
    size_t objects_most;     /* 0: 262,144 */
    size_t descriptors_most; /* of all processes together; 0: 4,194,304 */
    /* 1: nobody is asked for a lease, so that an open(2) at that very moment goes on
     * undelayed; what nobody is seen to have is then not known. */
    int only_looks;
};

/* Looks at the machine in one pass over its processes.  `wish` may be NULL.  Objects of
 * other users are looked at only from outside.  Of those of the caller's own that
 * nobody was seen to have a lease is asked for and given back at once: an open(2) in
 * between waits these microseconds, one with O_NONBLOCK may fail with EWOULDBLOCK, and
 * the caller is sent a SIGURG then, which is usually ignored.  The view and all in it
 * are yours: wherry_ipc_view_free().
 * Errors: -EINVAL (a pattern is of no scheme that there is), -ENOMEM, -EMFILE, -ENFILE,
 * -ENOTSUP (no /proc). */
WHERRY_EXPORT int wherry_inspect_objects(const struct wherry_ipc_wish *wish,
                                         struct wherry_ipc_view **out);

/* NULL is fine. */
WHERRY_EXPORT void wherry_ipc_view_free(struct wherry_ipc_view *view);

/* Removes an object of such a view if it is the caller's own and provably nobody has
 * it, which is asked for once more: for a file of memory or a queue, nobody can open it
 * between that and its removal without being noticed.  Never waits.  Also removes what
 * is in it.
 * Errors: -EBUSY (somebody has it), -ENOTSUP (it cannot be proven of objects of its
 * kind, or not here), -EPERM (another user's), -ESTALE (what has that name now is
 * another object), -ENOENT (it is gone), -EACCES (its directory), -EINVAL, -ENOMEM,
 * -EMFILE, -ENFILE. */
WHERRY_EXPORT int wherry_inspect_remove(const struct wherry_ipc_object *object);

WHERRY_END

#endif
