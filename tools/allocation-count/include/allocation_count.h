#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdbool.h>

/// Whether allocations are counted in this program: with glibc, and where no sanitizer does what this does.
bool allocation_count_works(void);

/// How often the calling thread has asked for memory since it began.
unsigned long allocation_count(void);

#endif
