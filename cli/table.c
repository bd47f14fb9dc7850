/* SPDX-License-Identifier: MIT */
/*
 * A table on stdout, for people or as JSON.
 */
#include "table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "say.h"

enum { NAME_MOST = 64, USUAL_WIDTH = 80 };

struct table {
    struct libscols_table *lines;
    size_t count;
    bool as_json;
    bool failed;
    enum column_type types[];
};

// As a boolean an empty cell would be false; what stands for a number is printed as it
// is, and an empty one is null.
static const int json_types[] = {
    [COLUMN_TEXT] = SCOLS_JSON_STRING,
    [COLUMN_NUMBER] = SCOLS_JSON_NUMBER,
    [COLUMN_FLAG] = SCOLS_JSON_NUMBER,
};

static int json_letter(int letter)
{
    return letter == ' ' ? '_' : letter;
}

static int heading_letter(int letter)
{
    return letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter;
}

// "open files" is a heading OPEN FILES, and in JSON a name open_files.
static void write_name(char name[NAME_MOST], const char *words, bool as_json)
{
    size_t size = strlen(words) < NAME_MOST ? strlen(words) : NAME_MOST - 1;
    for (size_t i = 0; i < size; i++)
        name[i] = (char)(as_json ? json_letter(words[i]) : heading_letter(words[i]));
    name[size] = 0;
}

static bool add_column(struct libscols_table *lines, const struct column *column,
                       bool as_json)
{
    char name[NAME_MOST];
    write_name(name, column->name, as_json);
    bool has_lines = column->wraps && !as_json;
    int flags = (column->type == COLUMN_NUMBER ? SCOLS_FL_RIGHT : 0) |
                (has_lines ? SCOLS_FL_WRAP : 0);
    struct libscols_column *made = scols_table_new_column(lines, name, 0, flags);
    if (!made)
        return false;
    scols_column_set_json_type(made, json_types[column->type]);
    if (has_lines) {
        scols_column_set_safechars(made, "\n");
        scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
                                  NULL);
    }
    return true;
}

size_t table_width(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : USUAL_WIDTH;
}

struct table *table_new(const char *name, const struct column *columns, size_t count,
                        bool as_json)
{
    scols_init_debug(0);
    struct table *table = calloc(1, sizeof(*table) + count * sizeof(table->types[0]));
    if (!table)
        return NULL;
    table->lines = scols_new_table();
    table->count = count;
    table->as_json = as_json;
    if (!table->lines) {
        free(table);
        return NULL;
    }
    scols_table_set_name(table->lines, name);
    scols_table_enable_json(table->lines, as_json);
    scols_table_enable_colors(table->lines, !as_json && say_has_colour(stdout));
    for (size_t i = 0; i < count; i++) {
        table->types[i] = columns[i].type;
        table->failed |= !add_column(table->lines, &columns[i], as_json);
    }
    return table;
}

static const char *shown(const struct table *table, size_t column, const char *cell)
{
    if (!table->as_json || table->types[column] != COLUMN_FLAG)
        return cell;
    return *cell == 'y' ? "true" : "false";
}

void table_add(struct table *table, const char *const *cells)
{
    if (!table || table->failed)
        return;
    if (!cells) {
        table->failed = true;
        return;
    }
    struct libscols_line *line = scols_table_new_line(table->lines, NULL);
    table->failed |= !line;
    for (size_t i = 0; line && i < table->count; i++)
        if (cells[i])
            table->failed |=
                scols_line_set_data(line, i, shown(table, i, cells[i])) != 0;
}

static void table_free(struct table *table)
{
    if (table)
        scols_unref_table(table->lines);
    free(table);
}

int table_print(struct table *table, const char *verb)
{
    bool failed = !table || table->failed || scols_print_table(table->lines) != 0;
    table_free(table);
    return failed ? say_error(verb, "no memory for a table") : DONE;
}

// Each is an object with one member: the members, without the braces around them.
static bool print_member(struct table *table, bool is_first)
{
    char *text = NULL;
    if (!table || table->failed ||
        scols_print_table_to_string(table->lines, &text) != 0 || !text)
        return false;
    char *begin = strchr(text, '\n');
    char *end = strrchr(text, '}');
    bool is_object = begin && end > begin;
    while (is_object && end > begin && end[-1] == '\n')
        end--;
    if (is_object)
        printf("%s%.*s", is_first ? "{" : ",", (int)(end - begin), begin);
    free(text);
    return is_object;
}

int table_print_together(struct table *const *tables, size_t count, const char *verb)
{
    bool failed = false;
    for (size_t i = 0; i < count; i++) {
        failed = failed || !print_member(tables[i], i == 0);
        table_free(tables[i]);
    }
    if (failed)
        return say_error(verb, "no memory for a table");
    printf("\n}\n");
    return DONE;
}
