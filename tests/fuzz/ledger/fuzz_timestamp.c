/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ledger/timestamp.h"

/* Time stamp responses, judged by the certificate that stamped the seed. Property: whatever verifies says the
 * time that the authority signed, which it did once. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char ca[] = "-----BEGIN CERTIFICATE-----\n"
                         "MIIBHTCB0KADAgECAhRvJMe4eyGXzUzuBXa+1MBI9imu7zAFBgMrZXAwDTELMAkG\n"
                         "A1UEAwwCY2EwHhcNMjYxMTIzMTAyNzUyWhcNMzYxMTIwMTAyNzUyWjANMQswCQYD\n"
                         "VQQDDAJjYTAqMAUGAytlcAMhAGdBsPJJ5T9uth1qEtXorXShNIxpobH9Zu1P7kWj\n"
                         "ZSHdo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4E\n"
                         "FgQUKSCO7X7pJRPD8Dpz/LhY2LamHPUwBQYDK2VwA0EAODT3n1FMewrk6a8lc4Lk\n"
                         "jbovrEPOK0nkSPotPVireUebfzOxk4TISh83+h8iujHnQetSc0S5xHo2JRp4xiIU\n"
                         "DA==\n"
                         "-----END CERTIFICATE-----\n";

static const struct text note_text = TEXT(
    "example.org/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	const char *why = NULL;
	int64_t time = 0;
	if (!path[0]) {
		int fd = memfd_create("ca", MFD_CLOEXEC);
		if (fd < 0 || write(fd, ca, sizeof(ca) - 1) != (ssize_t)sizeof(ca) - 1)
			return 0;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	int r = timestamp_verify(text_bytes(data, size), (struct text){0}, note_text, path, &time, &why);
	assert(r == 0 || why);
	assert(r != 0 || time == INT64_C(1795429673277000000));
	/* And as a request, beside itself. */
	(void)timestamp_verify(text_bytes(data, size), text_bytes(data, size), note_text, path, &time, &why);
	return 0;
}
