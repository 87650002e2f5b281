#ifndef FLOOR_H
#define FLOOR_H
#include <stddef.h>
#include <stdint.h>

/* One check-in as the floor binds it: a column each of form_check_in. */
typedef struct {
    int64_t day, person;
    int64_t numbers[8]; /* temperature and the seven booleans */
    const char *texts[8]; /* region, track, entered by, device, name, remark, corrected by, reason; NULL: not stated */
    int32_t lengths[8];
    int64_t origin, sequence, revision, author, authored, stated, created, assigned, flags;
} floor_row;

/* Upserts the rows into a new file with the given schema; returns seconds, or a negative SQLite code. The calling
   thread runs on `core` meanwhile; -1 leaves it where it is. */
double floor_run(const char *path, const char *schema, const char *insertion, const floor_row *rows, int count,
                 int rows_a_transaction, int core);

/* Inflates a raw stream that gives so many bytes; returns seconds, or -1. */
double floor_inflate(const uint8_t *bytes, size_t count, size_t inflated);
#endif
