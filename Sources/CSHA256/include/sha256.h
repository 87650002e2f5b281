#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// SHA-256 (FIPS 180-4) of many messages by the processor's own instructions for it. Digests are four words in
// the processor's order, the first of them first.

/// Whether this processor has the instructions. The other functions may only be called if so.
bool sha256_is_built_in(void);

/// The hash of each message. They lie one after the other; the last one ends with the bytes.
void sha256_each(const void *bytes, const uint32_t *ends, size_t count, void *digests);

/// Each digest becomes the hash of the one before it (at first `head`) and itself.
void sha256_chain(const void *head, void *digests, size_t count);
