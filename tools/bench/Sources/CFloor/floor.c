#define _GNU_SOURCE
#include "floor.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>
#ifdef __linux__
#include <sched.h>
#endif

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int bind(sqlite3_stmt *statement, const floor_row *row) {
    int at = 1;
    sqlite3_bind_int64(statement, at++, row->day);
    sqlite3_bind_int64(statement, at++, row->person);
    for (int i = 0; i < 8; i++) sqlite3_bind_int64(statement, at++, row->numbers[i]);
    for (int i = 0; i < 8; i++) {
        if (row->texts[i]) sqlite3_bind_text(statement, at++, row->texts[i], row->lengths[i], SQLITE_STATIC);
        else sqlite3_bind_null(statement, at++);
    }
    const int64_t own[9] = {row->origin, row->sequence, row->revision, row->author, row->authored,
                            row->stated, row->created, row->assigned, row->flags};
    for (int i = 0; i < 9; i++) sqlite3_bind_int64(statement, at++, own[i]);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code;
}

static double upsert(const char *path, const char *schema, const char *insertion, const floor_row *rows, int count,
                 int rows_a_transaction) {
    sqlite3 *database = 0;
    sqlite3_stmt *statement = 0;
    int code = sqlite3_open(path, &database);
    if (code) return -code;
    sqlite3_exec(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", 0, 0, 0);
    code = sqlite3_exec(database, schema, 0, 0, 0);
    if (code == SQLITE_OK) code = sqlite3_prepare_v2(database, insertion, -1, &statement, 0);
    if (code) return -code;
    double start = now();
    for (int i = 0; i < count; i++) {
        if (i % rows_a_transaction == 0) sqlite3_exec(database, "BEGIN IMMEDIATE", 0, 0, 0);
        code = bind(statement, &rows[i]);
        if (code != SQLITE_DONE) return -code;
        if (i % rows_a_transaction == rows_a_transaction - 1 || i == count - 1) {
            code = sqlite3_exec(database, "COMMIT", 0, 0, 0);
            if (code) return -code;
        }
    }
    double seconds = now() - start;
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return seconds;
}

double floor_run(const char *path, const char *schema, const char *insertion, const floor_row *rows, int count,
                 int rows_a_transaction, int core) {
#ifdef __linux__
    cpu_set_t before, wanted;
    sched_getaffinity(0, sizeof before, &before);
    if (core >= 0) {
        CPU_ZERO(&wanted);
        CPU_SET(core, &wanted);
        if (sched_setaffinity(0, sizeof wanted, &wanted)) return -1;
    }
#endif
    double seconds = upsert(path, schema, insertion, rows, count, rows_a_transaction);
#ifdef __linux__
    sched_setaffinity(0, sizeof before, &before);
#endif
    return seconds;
}

double floor_inflate(const uint8_t *bytes, size_t count, size_t inflated) {
    z_stream stream = {0};
    uint8_t *output = malloc(inflated + 1);
    if (!output || inflateInit2(&stream, -13)) return -1;
    double start = now();
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = output;
    stream.avail_out = (uInt)inflated + 1;
    int code = inflate(&stream, Z_SYNC_FLUSH);
    double seconds = now() - start;
    int is_whole = (code == Z_OK || code == Z_BUF_ERROR) && stream.total_out == inflated;
    inflateEnd(&stream);
    free(output);
    return is_whole ? seconds : -1;
}
