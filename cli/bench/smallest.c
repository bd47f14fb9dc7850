/* SPDX-License-Identifier: MIT */
/*
 * The smallest program: it writes a byte to 1 and ends.
 *
 * Any other spends most of its start in the dynamic loader, which is the same whoever
 * starts it and would hide what differs.  So its file is made here: the head of a
 * program, one segment, and a few instructions.  Where these are not known, echo(1)
 * takes its place.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* write(1, smallest_begin, 1); exit(0) */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define INSTRUCTIONS                                                                   \
    "mov $1, %eax\n mov $1, %edi\n lea smallest_begin(%rip), %rsi\n mov $1, %edx\n"    \
    "syscall\n mov $60, %eax\n xor %edi, %edi\n syscall\n"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define INSTRUCTIONS                                                                   \
    "mov x0, #1\n adr x1, smallest_begin\n mov x2, #1\n mov x8, #64\n svc #0\n"        \
    "mov x0, #0\n mov x8, #93\n svc #0\n"
#endif

#ifdef MACHINE
__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "smallest_begin:\n" INSTRUCTIONS ".org smallest_begin + 64\n"
        ".popsection\n");

extern const char smallest_begin[] __attribute__((visibility("hidden")));

enum { PAGE = 4096, ADDRESS = 0x400000, CODE = 64 };

struct program {
    ElfW(Ehdr) head;
    ElfW(Phdr) segment;
    char code[CODE];
};

static void make(struct program *out)
{
    *out =
        (struct program){.head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                              ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                                  .e_type = ET_EXEC,
                                  .e_machine = MACHINE,
                                  .e_version = EV_CURRENT,
                                  .e_entry = ADDRESS + offsetof(struct program, code),
                                  .e_phoff = offsetof(struct program, segment),
                                  .e_ehsize = sizeof(out->head),
                                  .e_phentsize = sizeof(out->segment),
                                  .e_phnum = 1},
                         .segment = {.p_type = PT_LOAD,
                                     .p_flags = PF_R | PF_X,
                                     .p_vaddr = ADDRESS,
                                     .p_paddr = ADDRESS,
                                     .p_filesz = sizeof(*out),
                                     .p_memsz = sizeof(*out),
                                     .p_align = PAGE}};
    memcpy(out->code, smallest_begin, CODE);
}

int processes_make_smallest(const char *directory, struct processes_scene *scene)
{
    struct program program;
    snprintf(scene->smallest, sizeof(scene->smallest), "%s/smallest", directory);
    int fd = open(scene->smallest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0)
        return -errno;
    make(&program);
    ssize_t size = write(fd, &program, sizeof(program));
    int r = size == (ssize_t)sizeof(program) ? 0 : size < 0 ? -errno : -ENOSPC;
    return close(fd) < 0 && r == 0 ? -errno : r;
}

#else

int processes_make_smallest(const char *directory, struct processes_scene *scene)
{
    (void)directory;
    snprintf(scene->smallest, sizeof(scene->smallest), "/bin/echo");
    return 0;
}

#endif
