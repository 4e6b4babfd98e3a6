/* replay.c - runs a fuzzer over its corpus (tests/fuzz/corpus/NAME/ of the fuzzer NAME) and over mutations of it by a fixed
 * seed, where clang's libFuzzer is not at hand. Exit status 0: nothing crashed. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MUTATIONS = 300, MAX_SIZE = 65536 };

static void mutate(GRand *rand, const char *data, gsize size)
{
	for (int i = 0; i < MUTATIONS; i++) {
		g_autofree uint8_t *copy = g_memdup2(data, size ? size : 1);
		gsize n = size;

		for (int k = g_rand_int_range(rand, 1, 6); k > 0 && n > 0; k--) {
			if (g_rand_int_range(rand, 0, 4) == 0)
				n = (gsize)g_rand_int_range(rand, 0, (gint32)n + 1);
			else
				copy[g_rand_int_range(rand, 0, (gint32)n)] = (uint8_t)g_rand_int(rand);
		}
		LLVMFuzzerTestOneInput(copy, n);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *name = g_path_get_basename(argv[0]);
	g_autofree char *folder = g_build_filename("tests", "fuzz", "corpus", name, NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	GRand *rand = g_rand_new_with_seed(1);
	const char *file;
	unsigned count = 0;

	while (dir && (file = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(folder, file, NULL), *data = NULL;
		gsize size;

		if (!g_file_get_contents(path, &data, &size, NULL) || size > MAX_SIZE)
			continue;
		LLVMFuzzerTestOneInput((const uint8_t *)data, size);
		mutate(rand, data, size);
		count++;
	}
	g_rand_free(rand);
	printf("%u inputs and %u mutations of each\n", count, (unsigned)MUTATIONS);
	return count ? 0 : 1;
}
