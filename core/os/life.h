/* SPDX-License-Identifier: MIT */
/*
 * os: what named objects of our own stand on: the directory that they are in, and
 * proofs of who lives.  Part of os.h, which others include.
 */
#ifndef OS_LIFE_H
#define OS_LIFE_H

#include "os/os.h"

/* --- directory_linux.c: where they have their names ---------------------- */

/* Opens the directory of this user's objects, and makes it if it is not there:
 * $WHERRY_DIR, else /run/user/UID/wherry if /run/user/UID is this user's, else
 * /tmp/wherry-UID.  It has to be this user's, closed to others, and no symbolic link.
 * Errors: as mkdir(2) and open(2); -EPERM (it is another user's, or open to others),
 * -ENOTDIR (it is a symbolic link, or no directory), -EINVAL (WHERRY_DIR does not begin
 * with a slash), -ENAMETOOLONG; the sentence is set. */
int os_directory(void);

/* The path of a name in it, whatever becomes of the directory's own meanwhile; `out`
 * has OS_DIRECTORY_PATH bytes. */
enum { OS_DIRECTORY_NAME = 200, OS_DIRECTORY_PATH = OS_DIRECTORY_NAME + 40 };

void os_directory_path(int directory, const char *name, char *out);

/* A number for a name that nobody else has.  Errors: as getrandom(2). */
int os_directory_number(uint64_t *out);

/* --- life_linux.c: who a process is, and whether that one lives ---------- */

/* A process as no other is, not even one with its number later on. */
struct os_life {
    int64_t pid;
    uint64_t inode; /* of its pidfd, one for each process; 0: not known (Linux 6.9) */
    uint64_t since; /* when it began, in ticks, where the inode is not known */
};

/* The process that has this number now.  Errors: -ESRCH (there is none), -ENOENT (/proc
 * does not tell, and pidfds have no inodes), -EMFILE …. */
int os_life_look(int64_t pid, struct os_life *out);

/* A pidfd of that very process, of this start of the machine: readable once it has
 * ended.  Errors: -ESRCH (proven: it
 * has ended), anything else: not known, as -EMFILE. */
int os_life_open(const struct os_life *);

/* Whether it has ended, by the kernel's word: 1, 0, or not known < 0. */
int os_life_has_ended(const struct os_life *);

#endif
