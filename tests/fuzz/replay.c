/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs a fuzz target over files and folders of inputs without a fuzzer, so that every build replays the
 * corpus. Each input lies in memory of exactly its size, so that a sanitizer sees a read past its end. No
 * input at all is a failure: a target without a corpus tests nothing.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = f ? malloc(size ? size : 1) : NULL;
	int ok = data && fread(data, 1, size, f) == size;
	if (ok)
		LLVMFuzzerTestOneInput(data, size);
	else
		fprintf(stderr, "%s: can't be read\n", path);
	free(data);
	if (f)
		fclose(f);
	return ok;
}

static int replay(const char *path)
{
	struct stat st;
	struct dirent **names;
	int done = 0;
	if (stat(path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char below[4096];
		if (names[i]->d_name[0] != '.' &&
		    snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name) < (int)sizeof(below))
			done += replay(below);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return done;
}

int main(int argc, char **argv)
{
	int done = 0;
	for (int i = 1; i < argc; i++)
		done += replay(argv[i]);
	printf("%d inputs\n", done);
	return done ? 0 : 1;
}
