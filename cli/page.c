/* SPDX-License-Identifier: MIT */
/*
 * A file that a verb writes at its end.
 */
#include "page.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "say.h"

int page_open(const char *verb, const char *path, struct page *out)
{
    struct stat about;
    *out = (struct page){.path = path};
    if (!path)
        return DONE;
    out->is_new = stat(path, &about) < 0;
    out->file = fopen(path, "ae");
    if (!out->file)
        return say_error(verb, "%s: %s; choose a file that this user may write", path,
                         say_errno(errno));
    return DONE;
}

FILE *page_begin(struct page *page)
{
    page->is_begun = page->file != NULL;
    // A terminal or a pipe, which have nothing to empty, say EINVAL.
    if (page->file && ftruncate(fileno(page->file), 0) < 0 && errno != EINVAL)
        page->error = errno;
    return page->file;
}

int page_close(const char *verb, struct page *page)
{
    if (!page->file)
        return DONE;
    if (fflush(page->file) != 0)
        page->error = errno;
    else if (ferror(page->file) && !page->error)
        page->error = EIO;
    if (fclose(page->file) != 0 && !page->error)
        page->error = errno;
    page->file = NULL;
    if (!page->is_begun && page->is_new)
        (void)unlink(page->path);
    if (!page->error)
        return DONE;
    return say_error(verb, "%s could not be written: %s", page->path,
                     say_errno(page->error));
}
