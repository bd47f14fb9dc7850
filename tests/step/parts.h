/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the killer know of each other: trace.c one process under ptrace,
 * path.c the points that it comes by, scene.c the processes around it, leaks.c what
 * they left, account.c the figures; kill.c, double.c, stop.c and load.c are one mode
 * each, and campaign.c is the program.
 */
#ifndef STEP_PARTS_H
#define STEP_PARTS_H

#include <signal.h>

#include "step.h"

/* --- account.c --- */

struct point;

struct account {
    const struct step_subject *subject;
    const struct step_role *role; // NULL: all of them, or load
    const char *mode;
    const char *unit; // what is counted in runs: "kills"
    int64_t began;
    unsigned long points; // distinct ones that there are; load: turns
    unsigned long runs;
    unsigned long verdicts[STEP_VERDICTS];
    unsigned long leaks;
    unsigned long missed;  // points that were not found again
    unsigned long excused; // of these: a sleeper that was back sooner made them
    unsigned long bad;
};

struct account account_open(const struct step_subject *subject, const char *mode,
                            const char *unit);

/* Counts one run; where says at which point it was broken off. */
void account_add(struct account *account, const struct step_finding *finding, int leaks,
                 const char *where);

/* Counts one that was not found again. */
void account_miss(struct account *account, const struct point *point);

/* How many points of one role need not be found again. */
unsigned long account_excused(const struct account *role);

/* Adds those of one role and notes them, if there is more than one role. */
void account_merge(struct account *all, const struct account *role);

/* Notes the line of figures; fails the test if they are bad. */
void account_close(const struct account *account);

/* On the terminal, if there is one, now and then. */
void progress_open(void);
void progress_show(const struct account *account, unsigned long done,
                   unsigned long total);

/* --- clock.c --- */

/* From here on this process has the clock of the stepped; and no more. */
void clock_begin(void);
void clock_end(void);

/* Whether it is code of that clock, which is none of the subject's. */
bool clock_has_code(uint64_t address);

/* --- path.c --- */

struct point {
    uint64_t address;
    uint64_t state; // before the instruction
    bool is_asleep; // within the system call there
};

struct path {
    struct point *points; // in the order in which they are first come by
    size_t count;
    size_t room;
    uint32_t *slots; // a hash table of places in points, from 1
    size_t slot_count;
    bool ends_asleep; // and nobody wakes it
};

/* True if it was not there yet. */
bool path_add(struct path *path, struct point point);
void path_free(struct path *path);

enum { PLACE_SIZE = 256 };

/* "libc.so.6+0x8a2f0 (sem_wait+0x20), state 0x1" */
void point_name(const struct point *point, char *text, size_t size);

/* "at point 3, …", for the point from 0. */
void point_tell(const struct path *path, size_t i, char text[PLACE_SIZE]);

/* True for so many of count, evenly; bound 0 is no bound. */
bool is_tried(size_t i, size_t count, size_t bound);

/* --- trace.c --- */

/* A process that is stepped, stopped at the first instruction of run. */
struct victim {
    const struct step_subject *subject;
    struct step_scene *scene; // as the tracer sees it
    void (*run)(struct step_scene *);
    pid_t pid;
    pid_t sleeper; // of the role, 0 if there is none
    uint64_t returns_to;
    uint64_t stack;
    bool is_asleep;
    bool is_over;
};

/* Forks it and lets it prepare; the scene says who it is. */
void victim_start(struct victim *victim, const struct step_subject *subject,
                  struct step_scene *scene, void (*run)(struct step_scene *));

/* Steps it to the end of its operation and adds each point; false if there is no end,
 * and says why. */
bool victim_record(struct victim *victim, struct path *path);

/* Lets it run to the point; false if it does not come by. */
bool victim_run_to(struct victim *victim, const struct point *point);

/* Kills it, wherever it is, and waits for its end. */
void victim_kill(struct victim *victim);

/* Stops it by SIGSTOP, traced no more; false if it has ended. */
bool victim_stop(struct victim *victim);

/* --- scene.c --- */

/* Gives this process /dev/shm to itself, and one processor to all of its children, if
 * they take turns anyway. */
void scene_enter(bool is_in_turns);

/* The set of SIGCHLD alone, which is blocked where processes are traced. */
const sigset_t *scene_signals(void);

/* A child that dies with this process and has no signal blocked. */
pid_t scene_fork(void);

/* How a wait for a process ended. */
enum wait_end {
    WAIT_ENDED,  // it is reaped
    WAIT_ASLEEP, // it sleeps and nothing moves it
    WAIT_LATE,   // it runs, and runs
};

/* Waits until a child has ended, or has slept through so many milliseconds. */
enum wait_end scene_wait(pid_t pid, int milliseconds, int *status);

enum { CALL_SIZE = 256 };

/* A call that it sleeps in, for comparison; false if it is awake. */
bool scene_sleeps(pid_t pid, char call[CALL_SIZE]);

/* Reaps a process that has ended: now, or as late as the stage is closed (--unreaped).
 */
void scene_bury(pid_t pid);

/* Runs this in another process and waits for it; its finding. */
struct step_finding scene_ask(struct step_scene *scene,
                              struct step_finding (*judge)(struct step_scene *));

/* Runs this in another process and waits for it; what does not end is killed. */
void scene_do(struct step_scene *scene, void (*run)(struct step_scene *));

/* What is shared is made and what is there is counted; then all of it is let go, and
 * what is still there is said: how many. */
struct stage {
    const struct step_subject *subject;
    struct step_scene scene;
    pid_t sleeper;
    int before;
};

void stage_open(struct stage *stage, const struct step_subject *subject,
                const struct step_role *role);

/* Starts the sleeper of the role, if it has one, and waits until it is asleep; its
 * process, or 0. */
pid_t stage_lull(struct stage *stage);

/* Looks whether it is back, and ends it. */
void stage_rouse(struct stage *stage);
int stage_close(struct stage *stage);

/* --- leaks.c --- */

/* Everything that a process could have left behind, counted. */
int leaks_count(void);

/* How many there are more than before, when what is on its way out has gone. */
int leaks_since(int before);

/* --- the modes --- */

struct options {
    unsigned long points; // kill: at most so many of each role, 0 = all
    unsigned long pairs;  // double: of each role
    unsigned long stops;  // stop: of each role, 0 = all
    unsigned long kills;  // load
    unsigned long workers;
    unsigned long seed;
    const char *role;    // only this one, NULL = all
    unsigned long point; // only this one, from 1; 0 = all
    bool is_listing;
    bool is_unreaped; // the dead stay zombies until all is judged
};

extern struct options step_options;

void kill_mode(const void *subject);
void double_mode(const void *subject);
void stop_mode(const void *subject);
void load_mode(const void *subject);

/* One recording of the role's operation; fails the test when that cannot be. */
void record_role(const struct step_subject *subject, const struct step_role *role,
                 struct path *path);

/* Opens the stage and lets the victim run to the point: a few attempts; false if it
 * never comes by, and then the stage is closed. */
bool reach(struct stage *stage, struct victim *victim,
           const struct step_subject *subject, const struct step_role *role,
           const struct point *point);

/* A mode that does something at single points. */
struct point_mode {
    const char *name;
    const char *noun;
    size_t bound; // at so many of a role; 0: all
    void (*try)(struct account *account, const struct path *path, size_t i);
};

/* Does it at each point that is wanted, of each role that is, and closes the account.
 */
void each_point(const struct step_subject *subject, const struct point_mode *mode);

/* Whether the role, and the point from 0 of so many, was asked for. */
bool is_role_wanted(const struct step_role *role);
bool is_point_wanted(size_t i, size_t count, size_t bound);

#endif
