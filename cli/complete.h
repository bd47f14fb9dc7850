/* SPDX-License-Identifier: MIT */
/*
 * Completion of command lines: what the scripts in cli/completion ask.
 */
#ifndef COMPLETE_H
#define COMPLETE_H

/* `wherry --complete WORD…`: the words behind `wherry`, up to the one that is being
 * typed, which may be empty.  Prints what that may become, one a line, each followed by
 * a tab and its help; an empty one whose help is "file" stands for the paths that the
 * shell knows.  One that ends with : = & or / is to be gone on with.  Returns the exit
 * status. */
int complete(int count, char **words);

#endif
