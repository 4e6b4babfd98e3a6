/* err.h - every outcome of a call or command as a value: exit status, Jingle reason and words from one table.
 *
 * At module seams errors travel as GError of domain JC_ERROR whose code is an enum jc_err and whose message is one
 * sentence without a full stop that says what failed, on what, and what the user can do. Text of a peer or server in
 * it has passed text_clean() (text.h). Any thread. */
#ifndef JCALL_ERR_H
#define JCALL_ERR_H

#include <glib.h>

enum jc_err {
#define JC(symbol, exit_status, reason, words) JC_##symbol,
#include "err.def"
#undef JC
	JC_ERR_COUNT
};

#define JC_ERROR jc_error_quark()
GQuark jc_error_quark(void);

int         jc_exit_status(enum jc_err e);
const char *jc_reason(enum jc_err e);		/* Jingle reason element (XEP-0166 7.4); NULL: none is sent */
const char *jc_words(enum jc_err e);
const char *jc_symbol(enum jc_err e);		/* "no-answer": for --json, stable */

#endif
