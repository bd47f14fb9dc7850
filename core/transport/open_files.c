/* SPDX-License-Identifier: MIT */
/*
 * Received descriptors, until the messages that they belong to are cut out of the
 * bytes.
 *
 * On a stream the kernel delivers descriptors beside bytes, in order, and records say
 * how many they claim; so a queue is all it takes.  Where the kernel had no room for
 * some of a record's (this process is out of descriptors), a mark stands in their
 * place: the record that runs into it lost its files, the next one's begin behind it.
 */
#include "transport/open_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LOST = -2 }; // no descriptor is negative

static int make_room(struct open_files *files, size_t more)
{
    if (files->start > 0) {
        memmove(files->places, files->places + files->start,
                files->count * sizeof(*files->places));
        files->start = 0;
    }
    if (files->count + more <= files->capacity)
        return 0;
    size_t capacity = files->count + more + 16;
    int *places = realloc(files->places, capacity * sizeof(*places));
    if (!places)
        return failure_plain(-ENOMEM, "no memory for received open files");
    files->places = places;
    files->capacity = capacity;
    return 0;
}

int open_files_push(struct open_files *files, const struct os_arrival *arrival,
                    size_t most)
{
    size_t more = arrival->file_count + (arrival->files_lost ? 1 : 0);
    int r = files->count + more > most
                ? failure(-EPROTO, "the peer sent open files that no message claims")
                : make_room(files, more);
    if (r < 0) {
        for (size_t i = 0; i < arrival->file_count; i++)
            os_close(arrival->files[i]);
        return r;
    }
    memcpy(files->places + files->count, arrival->files,
           arrival->file_count * sizeof(*files->places));
    if (arrival->files_lost)
        files->places[files->count + more - 1] = LOST;
    files->count += more;
    return 0;
}

static int take_first(struct open_files *files)
{
    int place = files->places[files->start];
    files->start++;
    files->count--;
    return place;
}

// A peer says what it likes: the count is looked at before anything is made of it.
static int refuse(struct open_files *files, size_t count, size_t limit)
{
    for (size_t i = 0; i < count && files->count > 0; i++)
        os_close(take_first(files));
    return failure(-E2BIG,
                   "the peer sent %zu open files with a message, the limit is %zu "
                   "(files=); the message is lost",
                   count, limit);
}

int open_files_claim(struct open_files *files, size_t count, size_t limit,
                     wherry_message *message)
{
    if (count > limit)
        return refuse(files, count, limit);
    int claimed[MESSAGE_FILES];
    size_t taken = 0;
    bool lost = false;
    while (taken < count && files->count > 0 && !lost) {
        int place = take_first(files);
        lost = place == LOST;
        if (!lost)
            claimed[taken++] = place;
    }
    int r = 0;
    if (lost)
        r = failure(
            -EMFILE,
            "the open files of a message did not fit: this process is out of file "
            "descriptors (ulimit -n); the message is lost");
    else if (taken < count)
        r = failure(-EPROTO, "a message claims %zu open files, %zu came with it", count,
                    taken);
    else
        r = message_adopt_files(message, claimed, count);
    for (size_t i = 0; r < 0 && i < taken; i++)
        os_close(claimed[i]);
    return r;
}

void open_files_close(struct open_files *files)
{
    while (files->count > 0)
        os_close(take_first(files));
    free(files->places);
    *files = (struct open_files){0};
}
