// Counts how often each thread asks for memory. Linked into the tests, it stands before the C library's own
// functions, which do the work.
#include "allocation_count.h"

#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OTHERS_COUNT 1
#endif
#endif

#if defined(__GLIBC__) && !defined(OTHERS_COUNT)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static _Thread_local unsigned long count;

void *malloc(size_t size) {
    count += 1;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count += 1;
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count += 1;
    return __libc_realloc(old, size);
}

bool allocation_count_works(void) { return true; }
unsigned long allocation_count(void) { return count; }

#else

bool allocation_count_works(void) { return false; }
unsigned long allocation_count(void) { return 0; }

#endif
