/* The text of a configuration file. */
#include <glib.h>
#include <stdint.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	struct config *c = config_parse("fuzz", text, size, TRUE, &error);

	g_assert_true((c != NULL) != (error != NULL));
	config_free(c);
	return 0;
}
