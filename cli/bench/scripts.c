/* SPDX-License-Identifier: MIT */
/*
 * The same in Node and in Python, as their manuals say it is done.
 *
 * A script is told which program to start and how often, starts it some times before
 * that, and prints the nanoseconds of each start, a line each.
 */
#include "bench/processes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- to the first byte --------------------------------------------------- */

const char script_node_spawn[] =
    "const { spawn } = require('child_process');\n"
    "const [file, count] = process.argv.slice(1);\n"
    "let left = Number(count) + 5;\n"
    "(function next() {\n"
    "  if (left-- === 0) return;\n"
    "  const began = process.hrtime.bigint();\n"
    "  const child = spawn(file, [], { stdio: ['pipe', 'pipe', 'pipe'] });\n"
    "  child.stdout.once('data', () => {\n"
    "    const took = process.hrtime.bigint() - began;\n"
    "    if (left < Number(count)) console.log(String(took));\n"
    "  });\n"
    "  child.on('close', next);\n"
    "})();\n";

const char script_python_popen[] =
    "import sys, time\n"
    "from subprocess import PIPE, Popen\n"
    "file, count = sys.argv[1], int(sys.argv[2])\n"
    "for i in range(count + 5):\n"
    "    began = time.perf_counter_ns()\n"
    "    child = Popen([file], stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0)\n"
    "    child.stdout.read(1)\n"
    "    took = time.perf_counter_ns() - began\n"
    "    child.communicate()\n"
    "    if i >= 5:\n"
    "        print(took)\n";

/* --- to the end ---------------------------------------------------------- */

#define NODE_TO_THE_END(call)                                                          \
    "const { " call " } = require('child_process');\n"                                 \
    "const [file, count] = process.argv.slice(1);\n"                                   \
    "let left = Number(count) + 5;\n"                                                  \
    "(function next() {\n"                                                             \
    "  if (left-- === 0) return;\n"                                                    \
    "  const began = process.hrtime.bigint();\n"                                       \
    "  " call "(file, (error) => {\n"                                                  \
    "    const took = process.hrtime.bigint() - began;\n"                              \
    "    if (error) throw error;\n"                                                    \
    "    if (left < Number(count)) console.log(String(took));\n"                       \
    "    next();\n"                                                                    \
    "  });\n"                                                                          \
    "})();\n"

const char script_node_exec_file[] = NODE_TO_THE_END("execFile");
const char script_node_exec[] = NODE_TO_THE_END("exec");

const char script_python_run[] =
    "import subprocess, sys, time\n"
    "file, count = sys.argv[1], int(sys.argv[2])\n"
    "for i in range(count + 5):\n"
    "    began = time.perf_counter_ns()\n"
    "    subprocess.run([file], capture_output=True, check=True,\n"
    "                   stdin=subprocess.DEVNULL)\n"
    "    if i >= 5:\n"
    "        print(time.perf_counter_ns() - began)\n";

/* --- running them -------------------------------------------------------- */

static int read_lines(const char *text, int64_t took[PROCESSES_SCRIPTED])
{
    int count = 0;
    while (count < PROCESSES_SCRIPTED) {
        char *end;
        long long number = strtoll(text, &end, 10);
        if (end == text || number <= 0)
            break;
        took[count++] = number;
        text = end;
    }
    return count > 0 ? count : -EPROTO;
}

int processes_run_script(const struct processes_way *way,
                         const struct processes_scene *scene,
                         int64_t took[PROCESSES_SCRIPTED])
{
    char count[16];
    snprintf(count, sizeof(count), "%d", PROCESSES_SCRIPTED);
    const char *file = way->is_of_nothing ? scene->nothing : scene->smallest;
    const char *const words[] = {way->option, way->script, file, count, NULL};
    const struct wherry_plan plan = {.file = way->interpreter, .arguments = words};
    struct wherry_collected said;
    int r = wherry_collect(&plan, sizeof(plan), NULL, &said,
                           wherry_after(PROCESSES_PATIENCE));
    if (r < 0)
        return r;
    if (said.stopped < 0 || said.exit.code != 0)
        r = said.stopped < 0 ? said.stopped : -EPROTO;
    else
        r = read_lines(said.output, took);
    wherry_collected_free(&said);
    return r;
}
