/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a survey of the machine know of each other.
 *
 * Sources add objects (shelves_linux.c, sysvipc.c, bound.c), holders_linux.c goes once
 * through all processes and finds who has them, proof_linux.c asks the kernel about
 * those that nobody was seen to have.  survey.c keeps them all.
 */
#ifndef SURVEY_H
#define SURVEY_H

#include "inspect/inspect.h"

enum {
    REST_MOST = 3 * LINK_MOST + 64, /* an address whose every byte is escaped */
    USERS_OWN = 0777
};

/* What an object is told apart by: a file by its device and inode, what has none by its
 * number in a space of its own. */
struct identity {
    uint64_t space, number;
};

enum { SPACE_SEGMENTS = 1, SPACE_QUEUES, SPACE_SETS, SPACE_SOCKETS };

struct identity identity_of_file(uint32_t major, uint32_t minor, uint64_t inode);
struct identity identity_in(int space, uint64_t number);

/* One sort of objects. */
struct sort {
    const char *scheme;
    const char *kind;
    const char *counted;
    /* Whether anybody has one, that nobody was seen to have: 1, 0, or -1 and why; NULL:
     * the kernel does not tell. */
    int (*ask)(const struct wherry_ipc_object *object, const char **why);
    /* Removes one if nobody has it; NULL: it cannot be. */
    int (*take)(const struct wherry_ipc_object *object);
    const char *why; /* it cannot be asked */
};

enum sort_number {
    SORT_FIFO,
    SORT_LEASE,
    SORT_LOCAL,
    SORT_MEMFD,
    SORT_MQ,
    SORT_QUEUE,
    SORT_SEM,
    SORT_SEMV,
    SORT_SHM,
    SORT_SHMV,
    SORT_SYSV,
    SORT_UNIX,
    SORTS
};

/* objects.c */
extern const struct sort sorts[SORTS];

struct found {
    struct wherry_ipc_object object;
    enum sort_number sort;
    struct identity identity;
    bool is_used; /* the kernel says so itself */
};

/* What a socket has to do with an object. */
struct bound {
    size_t object; /* a place in `found` and 1, or 0 */
    unsigned how;
};

struct survey {
    struct arena arena;
    struct found *found;
    size_t count;
    size_t most;
    size_t *slots; /* by identity: a place in `found` and 1, or 0 */
    size_t slot_count;
    const struct wherry_ipc_wish *wish;
    const char **notes;
    size_t note_count;
    struct sockets sockets;
    struct bound *bound; /* of each of these what it is for */
    size_t *named;       /* those that have an address, by address */
    size_t named_count;
    size_t processes, unseen;
    bool is_cut;
};

/* --- survey.c ------------------------------------------------------------------------
 */

/* Whether the scheme that a pattern begins with is one of those there are, or has a
 * wildcard in it. */
bool survey_is_pattern(const char *pattern);

/* Whether objects of that scheme may be wanted. */
bool survey_wants_scheme(const struct survey *survey, const char *scheme);

/* Adds an object, of which scheme, kind and counted are filled in; its address becomes
 * the survey's.  NULL: it is not wanted, there is no room, or no memory (the arena
 * says).  Borrowed until the next one is added. */
struct found *survey_add(struct survey *survey, enum sort_number sort,
                         struct identity identity,
                         const struct wherry_ipc_object *object);

/* Borrowed until the next one is added; NULL: there is none. */
struct found *survey_find(const struct survey *survey, struct identity identity);

/* A process has it: `how` is added to what it was seen to do already, if it was the
 * last that was seen. */
void survey_hold(struct survey *survey, struct found *found, int64_t pid,
                 const char *name, unsigned how);

__attribute__((format(printf, 2, 3))) void survey_note(struct survey *survey,
                                                       const char *format, ...);

void survey_free(struct survey *survey);

/* --- shelves_linux.c: directories that have objects in them --------------------------
 */

/* What statx(2) says of a file. */
struct file_look {
    uint32_t major, minor;
    uint64_t inode;
    uint32_t mode, links;
    int64_t user, group;
    int64_t size;
    int64_t created, changed; /* as in wherry_ipc_object */
};

/* Without following a link at its end, where `is_link` does not say so; nothing is
 * fetched from a server.  Errors: minus errno. */
int file_look(int directory, const char *name, bool follows, struct file_look *out);

/* What an object has from its file. */
void file_tell(const struct file_look *look, struct wherry_ipc_object *out);

/* Whether it is a file of the file system of POSIX queues. */
bool file_is_queue(int directory, const char *name, const struct file_look *look);

/* The directory where this user's objects of Wherry's are, open.  Errors: -ENOENT, or
 * minus errno; -EPERM: it is not this user's alone. */
int shelf_open_own(char *path, size_t size);

int shelves_look(struct survey *survey);

/* --- own.c: what has a name in that directory ----------------------------------------
 */

/* Whether such an address stands for a socket there. */
bool own_is_local(const char *address);

/* The path of that socket, by way of the directory, which is open then; or -EINVAL,
 * -ENAMETOOLONG, or what opening that says. */
int own_path(const char *address, char *out, size_t size);

/* The address of a file in the directory that ends in `.local`; false: it does not. */
bool own_address(const char *name, struct words *out);

/* --- sysvipc.c: /proc/sysvipc --------------------------------------------------------
 */

/* One line of such a file, and its address, which it refers to; false: it is the
 * heading. */
bool sysv_read(enum sort_number sort, const char *line, size_t size,
               struct wherry_ipc_object *out, struct words *address);

int sysv_look(struct survey *survey);

/* --- bound.c: unix sockets -----------------------------------------------------------
 */

/* Before the other sources. */
int bound_look(struct survey *survey);

/* Whether a socket is bound to that address (without options), as far as is seen. */
bool bound_has(const struct survey *survey, const char *address);

/* The object that a socket has to do with, and how; NULL: none. */
struct found *bound_find(const struct survey *survey, uint64_t inode, unsigned *how);

/* --- holders_linux.c -----------------------------------------------------------------
 */

int holders_look(struct survey *survey);

/* --- proof_linux.c -------------------------------------------------------------------
 */

int ask_file(const struct wherry_ipc_object *object, const char **why);
int ask_segment(const struct wherry_ipc_object *object, const char **why);
int ask_socket(const struct wherry_ipc_object *object, const char **why);

int take_file(const struct wherry_ipc_object *object);
int take_segment(const struct wherry_ipc_object *object);
int take_socket(const struct wherry_ipc_object *object);

/* The rest of an address as bytes, without its options, ended by a 0.  False: there is
 * no room, or a 0 in it. */
bool rest_read(const char *address, char *out, size_t size);

/* --- doorbell_linux.c ----------------------------------------------------------------
 */

/* Whether a file in Wherry's directory has the name of a doorbell of a lease or queue.
 */
bool doorbell_is_named(const char *name);

/* Of any other FIFO nothing is known, and it stays: -ENOTSUP. */
int ask_doorbell(const struct wherry_ipc_object *object, const char **why);
int take_doorbell(const struct wherry_ipc_object *object);

#endif
