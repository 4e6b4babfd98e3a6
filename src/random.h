/* random.h - numbers that nobody can guess: of the kernel (getrandom), never of a generator in this process, whose state can be
 * worked out from what it has given away (GLib's is a Mersenne Twister: 624 outputs tell all that follow).
 *
 * Any thread. Nothing fails: without random numbers there is no call to be made, and jcall ends. */
#ifndef JCALL_RANDOM_H
#define JCALL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void     random_fill(uint8_t *out, size_t len);
uint32_t random_u32(void);
/* LEN characters of A-Z, a-z, 0-9, '+' and '/' (ice-char of RFC 8445), 6 bits each, and the end of the string: OUT has room for
 * LEN + 1. */
void     random_ice_chars(char *out, size_t len);
/* 130 bits as 26 letters and digits, a-z and 2-7 (base32 of RFC 4648, in small letters): short enough for a resource that a
 * gateway makes part of another address (Cheogram takes 32 characters). Caller frees. */
char    *random_word(void);
/* 128 bits of which a UUID of version 4 (RFC 9562 5.4) fixes 6: stanza ids and session ids (XEP-0353 recommends it). Caller frees. */
char    *random_uuid(void);

#endif
