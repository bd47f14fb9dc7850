/* SPDX-License-Identifier: MIT */
/*
 * The options of verbs: one table feeds the parser, the error texts and --help.
 *
 * `--name value`, `--name=value`, anywhere among the words; after `--` everything is a
 * word.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "command.h"

enum {
    FILES_MOST = 16, /* --file, as many as a message takes by default */
    CHANGES_MOST = 128,
    LIMITS_MOST = 16,
    LAID_MOST = 16 /* --fd */
};

/* What a process is started with: the options of run. */
struct start_choices {
    bool append, channel, die_with_parent, empty_environment, own_group, quiet, session,
        shell;
    const char *changes[CHANGES_MOST + 1]; /* NULL at the end */
    size_t change_count;
    const char *directory, *user, *group, *umask;
    const char *input, *output, *errors; /* files */
    int nice;
    int stop_signal;  /* 0: the usual */
    int death_signal; /* 0: none */
    int64_t grace;    /* milliseconds until SIGKILL follows; 0: the usual */
    const char *argv0;
    struct wherry_laid laid[LAID_MOST]; /* numbers of its own */
    size_t laid_count;
    int64_t output_most; /* bytes; 0: no bound */
    struct wherry_limit limits[LIMITS_MOST];
    char limit_names[LIMITS_MOST][16];
    size_t limit_count;
};

/* What the options of all verbs were set to; 0 and NULL where they were not. */
struct choices {
    bool all, dial, dry_run, json, keep, listen, messages, mine, one_way, orphans, raw,
        ready, show_kind, show_sender, wait, yes;
    bool has_kind;
    int64_t kind;
    bool has_value;
    int value;       /* that goes with a signal */
    int64_t count;   /* 0: no end */
    int64_t timeout; /* milliseconds, 0: none */
    int64_t older;   /* milliseconds, 0: of any age */
    int64_t pid;     /* 0: of any process */
    int64_t offset;  /* bytes into a region */
    bool has_size;
    int64_t size; /* bytes of it */
    const char *framing;
    const char *files[FILES_MOST];
    size_t file_count;
    struct start_choices start;
    char **words; /* what is no option, in order; NULL at the end */
    int word_count;
};

struct setting {
    const char *name;  /* without the dashes */
    const char *value; /* "N", "TIME", "PATH"; NULL: it takes none */
    const char *help;  /* one sentence */
    /* Puts `value` into `choices`, or returns what it must be: "a number from 1 on". */
    const char *(*put)(struct choices *choices, const char *value);
};

extern const struct setting setting_all, setting_all_there, setting_await,
    setting_count, setting_dial, setting_dry_run, setting_file, setting_framing,
    setting_json, setting_json_orphans, setting_keep, setting_kind, setting_listen,
    setting_messages, setting_mine, setting_older, setting_one_way, setting_orphans,
    setting_orphans_only, setting_pick_kind, setting_pid, setting_raw, setting_ready,
    setting_show_kind, setting_show_sender, setting_signal_count, setting_timeout,
    setting_value, setting_wait, setting_yes;

/* Those of run and pipe: start.c. */
extern const struct setting *const run_settings[], *const pipe_settings[];

/* "500ms", "2s", "10min" in milliseconds: NULL, or what it must be. */
const char *settings_read_time(const char *text, int64_t *out);

/* A number from `least` on. */
bool settings_read_number(const char *text, int64_t least, int64_t *out);

/* A number of bytes: "64K", "1M". */
bool settings_read_size(const char *text, int64_t *out);

/* Reads the arguments of a verb by its table; it wants `least` to `most` words (most <
 * 0: any number).  DONE, or USAGE, said on stderr. */
int settings_read(const struct command *, int argc, char **argv, int least, int most,
                  struct choices *out);

/* Prints the table of options for --help. */
void settings_print(const struct setting *const *settings);

/* Which of `names` (ends with NULL) `name` may have meant, or NULL. */
const char *nearest_name(const char *name, const char *const *names);

#endif
