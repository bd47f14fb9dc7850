/* SPDX-License-Identifier: MIT */
/*
 * Errors by their names, both ways: strerrorname_np is not in every C library.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define NAMED(error)                                                                   \
    {                                                                                  \
        error, #error                                                                  \
    }

static const struct {
    int error;
    const char *name;
} errors[] = {
    NAMED(E2BIG),
    NAMED(EACCES),
    NAMED(EADDRINUSE),
    NAMED(EADDRNOTAVAIL),
    NAMED(EAFNOSUPPORT),
    NAMED(EAGAIN),
    NAMED(EALREADY),
    NAMED(EBADF),
    NAMED(EBADMSG),
    NAMED(EBUSY),
    NAMED(ECANCELED),
    NAMED(ECHILD),
    NAMED(ECONNABORTED),
    NAMED(ECONNREFUSED),
    NAMED(ECONNRESET),
    NAMED(EDEADLK),
    NAMED(EDESTADDRREQ),
    NAMED(EDOM),
    NAMED(EDQUOT),
    NAMED(EEXIST),
    NAMED(EFAULT),
    NAMED(EFBIG),
    NAMED(EHOSTUNREACH),
    NAMED(EIDRM),
    NAMED(EILSEQ),
    NAMED(EINPROGRESS),
    NAMED(EINTR),
    NAMED(EINVAL),
    NAMED(EIO),
    NAMED(EISCONN),
    NAMED(EISDIR),
    NAMED(ELOOP),
    NAMED(EMFILE),
    NAMED(EMLINK),
    NAMED(EMSGSIZE),
    NAMED(ENAMETOOLONG),
    NAMED(ENETDOWN),
    NAMED(ENETRESET),
    NAMED(ENETUNREACH),
    NAMED(ENFILE),
    NAMED(ENOBUFS),
    NAMED(ENODATA),
    NAMED(ENODEV),
    NAMED(ENOENT),
    NAMED(ENOEXEC),
    NAMED(ENOLCK),
    NAMED(ENOMEM),
    NAMED(ENOMSG),
    NAMED(ENOPROTOOPT),
    NAMED(ENOSPC),
    NAMED(ENOSYS),
    NAMED(ENOTBLK),
    NAMED(ENOTCONN),
    NAMED(ENOTDIR),
    NAMED(ENOTEMPTY),
    NAMED(ENOTRECOVERABLE),
    NAMED(ENOTSOCK),
    NAMED(ENOTTY),
    NAMED(ENOTUNIQ),
    NAMED(ENXIO),
    NAMED(EOPNOTSUPP),
    NAMED(EOVERFLOW),
    NAMED(EOWNERDEAD),
    NAMED(EPERM),
    NAMED(EPIPE),
    NAMED(EPROTO),
    NAMED(EPROTONOSUPPORT),
    NAMED(EPROTOTYPE),
    NAMED(ERANGE),
    NAMED(EREMOTE),
    NAMED(EROFS),
    NAMED(ESHUTDOWN),
    NAMED(ESPIPE),
    NAMED(ESRCH),
    NAMED(ESTALE),
    NAMED(ETIME),
    NAMED(ETIMEDOUT),
    NAMED(ETOOMANYREFS),
    NAMED(ETXTBSY),
    NAMED(EUSERS),
    NAMED(EXDEV),
    {ENOTSUP, "ENOTSUP"},
    {EWOULDBLOCK, "EWOULDBLOCK"},
};

enum { ERRORS = sizeof errors / sizeof *errors };

const char *harness_errno_name(int error)
{
    static _Thread_local char number[16];
    if (error < 0)
        error = -error;
    for (size_t i = 0; i < ERRORS; i++)
        if (errors[i].error == error)
            return errors[i].name;
    snprintf(number, sizeof number, "%d", error);
    return number;
}

int harness_errno_number(const char *name)
{
    for (size_t i = 0; i < ERRORS; i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].error;
    return 0;
}
