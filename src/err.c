#include "err.h"

static const struct {
	const char *symbol, *reason, *words;
	int exit_status;
} table[] = {
#define JC(sym, code, why, text) [JC_##sym] = {.symbol = #sym, .reason = why, .words = text, .exit_status = code},
#include "err.def"
#undef JC
};

G_DEFINE_QUARK(jc-error-quark, jc_error)

int jc_exit_status(enum jc_err e)
{
	return table[e].exit_status;
}

const char *jc_reason(enum jc_err e)
{
	return table[e].reason;
}

const char *jc_words(enum jc_err e)
{
	return table[e].words;
}

const char *jc_symbol(enum jc_err e)
{
	static gsize ready;
	static char *names[JC_ERR_COUNT];

	if (g_once_init_enter(&ready)) {
		for (int i = 0; i < JC_ERR_COUNT; i++)
			names[i] = g_strdelimit(g_ascii_strdown(table[i].symbol, -1), "_", '-');
		g_once_init_leave(&ready, 1);
	}
	return names[e];
}
