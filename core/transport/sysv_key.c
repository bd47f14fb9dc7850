/* SPDX-License-Identifier: MIT */
/*
 * How a System V queue is named, and finding or making it by that name.
 */
#include "transport/sysv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static int refuse_key(void)
{
    return failure(-EINVAL,
                   "a key is a number (4711, 0x1267), PATH,ID as ftok(3) makes "
                   "one, private, or #ID of a queue that is there (ipcs -q)");
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    bool is_hex = strncmp(text, "0x", 2) == 0;
    errno = 0;
    long long number = strtoll(text, &end, is_hex ? 16 : 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    *out = number;
    return is_number && number >= least && number <= most;
}

int sysv_key(const struct address *address, struct sysv_key *out)
{
    const char *text = address_rest(address);
    const char *comma = strrchr(text, ',');
    *out = (struct sysv_key){.sort = SYSV_NUMBER};
    if (strlen(text) != address_rest_size(address))
        return refuse_key();
    if (strcmp(text, "private") == 0) {
        out->sort = SYSV_PRIVATE;
        return 0;
    }
    if (text[0] == '#') {
        out->sort = SYSV_QUEUE;
        return read_number(text + 1, 0, INT32_MAX, &out->number) ? 0 : refuse_key();
    }
    if (comma && comma > text) {
        out->sort = SYSV_FILE;
        out->path = text;
        out->path_size = (size_t)(comma - text);
        // ftok(3) uses eight bits, and none of them is not allowed.
        return read_number(comma + 1, 1, 255, &out->number) ? 0 : refuse_key();
    }
    // A key of 0 would be a private queue.
    return read_number(text, 1, UINT32_MAX, &out->number) ? 0 : refuse_key();
}

static int key_of_file(const struct sysv_key *key, int64_t *out)
{
    char *path = strndup(key->path, key->path_size);
    if (!path)
        return -ENOMEM;
    int r = os_msg_key(path, (int)key->number, out);
    if (r == -ENOENT)
        r = failure(-ENOENT, "there is no file %s to make a key of", path);
    free(path);
    return r;
}

static int explain(int error)
{
    struct os_msg_limits limits = {0};
    (void)os_msg_limits(&limits);
    if (error == -ENOENT)
        return failure(error,
                       "there is no such queue: listen there first, or leave out "
                       "create=no");
    if (error == -ENOSPC)
        return failure(error,
                       "there are as many queues as the system allows (kernel.msgmni, "
                       "now %lld): remove some",
                       (long long)limits.queues);
    return error;
}

static int open_by_key(const struct address *address, const struct sysv_key *key,
                       bool writes, bool *is_made)
{
    struct os_msg_plan plan = {.is_private = key->sort == SYSV_PRIVATE,
                               .writes = writes,
                               .key = key->number,
                               .create = object_create(address)};
    int r = endpoint_mode(address, &plan.mode);
    if (r >= 0 && key->sort == SYSV_FILE) {
        r = key_of_file(key, &plan.key);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : explain(os_msg_open(&plan, is_made));
}

// Looking takes the right to read, which a writer need not have.
static int open_by_number(const struct sysv_key *key, bool writes)
{
    struct os_msg_state there;
    int r = os_msg_look((int)key->number, &there);
    if (r == -EACCES && writes)
        r = 0;
    if (r == -EIDRM)
        return failure(-ENOENT, "there is no queue of that number (ipcs -q)");
    return r < 0 ? r : (int)key->number;
}

int sysv_open(const struct address *address, const struct sysv_key *key, bool writes,
              bool *is_made)
{
    *is_made = false;
    return key->sort == SYSV_QUEUE ? open_by_number(key, writes)
                                   : open_by_key(address, key, writes, is_made);
}

int sysv_find(const struct sysv_key *key)
{
    int64_t number = key->number;
    if (key->sort == SYSV_PRIVATE)
        return -ENOENT;
    if (key->sort == SYSV_QUEUE)
        return (int)number;
    int r = key->sort == SYSV_FILE ? key_of_file(key, &number) : 0;
    return r < 0 ? r : os_msg_find(number);
}
