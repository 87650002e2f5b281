#include "floor.h"
#include <sqlite3.h>
#include <time.h>

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

double floor_run(const char *path, const char *schema, const char *insertion, const floor_row *rows, int count,
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
