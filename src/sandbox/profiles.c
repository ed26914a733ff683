/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/profiles.h"

#include <linux/capability.h>
#include <signal.h>

#define GROUP(name) (UINT32_C(1) << CALLS_##name)
#define CAP(name)   (UINT64_C(1) << CAP_##name)

/* What is beneath every child: memory, its own business, a poll loop, reading what is open. */
#define BASE     (GROUP(MEMORY) | GROUP(ITSELF) | GROUP(READS) | GROUP(EVENTS))
#define CHANNELS (GROUP(WRITES) | GROUP(SENDS) | GROUP(DUPLICATES))
#define READING  (GROUP(FOLDERS) | GROUP(READ_FILES))
#define WRITING  (GROUP(FOLDERS) | GROUP(WRITE_FILES))

/*
 * What the parent opens for the rest and does to it: packet rings and what is bound to small ports, files of
 * whoever owns them, folders given to the children's user, which is theirs to become and his to stop; and the
 * precedence of those on the way to a cut.
 */
#define PARENT_CAPABILITIES                                                                                  \
	(CAP(NET_RAW) | CAP(NET_ADMIN) | CAP(NET_BIND_SERVICE) | CAP(DAC_READ_SEARCH) | CAP(CHOWN) |         \
	    CAP(FOWNER) | CAP(SETUID) | CAP(SETGID) | CAP(SETPCAP) | CAP(KILL) | CAP(SYS_NICE))

/* The kinds of process: all children end when the parent does, so that two daemons never hold one kernel, one
 * database or one archive (doc/sandbox.md). The archivist gets to write out what it has. */
static const struct profile profiles[SANDBOX_PROFILES] = {
    [SANDBOX_ANALYZE] = {.name = "analyze",
        .calls = GROUP(MEMORY) | GROUP(ITSELF) | GROUP(READS) | GROUP(WRITES) | GROUP(DUPLICATES) | WRITING |
                 GROUP(TERMINAL),
        .keeps_user = true,
        .keeps_capabilities = true,
        .limits_processes = true,
        .writes_files = true},
    [SANDBOX_PARENT] = {.name = "parent",
        .calls = GROUP(PARENT) | GROUP(PARENT_BPF),
        .capabilities = PARENT_CAPABILITIES,
        .keeps_user = true,
        .files = PROFILE_FILES_PARENT,
        .writes_files = true,
        /* children get it as standard input */
        .paths = {{"/dev/null", SANDBOX_WRITE, true}}},
    /* Its rings are numbered from SANDBOX_RINGS_FROM on: what it opens or is sent stays below. */
    [SANDBOX_SENSOR] = {.name = "sensor",
        .calls = BASE | GROUP(LOW_SENDS) | GROUP(RING),
        .descriptors = SANDBOX_RINGS_FROM,
        .limits_processes = true,
        .end = SIGKILL},
    [SANDBOX_ENGINE] = {.name = "engine",
        .calls = BASE | CHANNELS | WRITING,
        .descriptors = 256,
        .limits_processes = true,
        .writes_files = true,
        .end = SIGKILL,
        .paths = {{"/dev/urandom", SANDBOX_READ, true}}},
    [SANDBOX_ARCHIVIST] = {.name = "archivist",
        .calls = BASE | CHANNELS | WRITING,
        .descriptors = 4096,
        .limits_processes = true,
        .writes_files = true,
        .end = SIGTERM},
    [SANDBOX_PLANNER] = {.name = "planner",
        .calls = BASE | CHANNELS | READING,
        .descriptors = 4096,
        .limits_processes = true,
        .end = SIGKILL},
    [SANDBOX_ENFORCER] = {.name = "enforcer",
        .calls = BASE | CHANNELS,
        .descriptors = 64,
        .limits_processes = true,
        .end = SIGKILL},
    [SANDBOX_GATEWAY] = {.name = "gateway",
        .calls = BASE | CHANNELS | GROUP(ACCEPT) | GROUP(TCP),
        .descriptors = 1024,
        .limits_processes = true,
        .end = SIGKILL},
    /* Files that are replaced now and then can't be named one by one: the resolver's configuration and the
     * authorities that certificates hang on. What is beneath these folders and secret isn't its user's to
     * read. The limit of processes counts threads, and other processes of the same user. */
    [SANDBOX_COURIER] = {.name = "courier",
        .calls = BASE | CHANNELS | READING | GROUP(CONNECT) | GROUP(TCP) | GROUP(RESOLVE) | GROUP(THREADS),
        .ports = true,
        .resolves = true,
        .descriptors = 256,
        .limits_processes = true,
        .processes = 1024,
        .end = SIGKILL,
        .paths = {{"/etc", SANDBOX_READ, true}, {"/usr/lib/ssl", SANDBOX_READ, true},
            {"/usr/share/ca-certificates", SANDBOX_READ, true},
            {"/usr/local/share/ca-certificates", SANDBOX_READ, true},
            {"/run/systemd/resolve", SANDBOX_READ, true}, {"/run/NetworkManager", SANDBOX_READ, true},
            {"/run/resolvconf", SANDBOX_READ, true}}},
    /* It connects to a remote enforcer, or at that enforcer's side takes connections from a passed socket. */
    [SANDBOX_LINK] = {.name = "link",
        .calls = BASE | CHANNELS | GROUP(CONNECT) | GROUP(ACCEPT) | GROUP(TCP),
        .ports = true,
        .descriptors = 64,
        .limits_processes = true,
        .end = SIGKILL},
};

static const struct {
	enum sandbox_profile profile;
	enum sandbox_option option;
	uint32_t calls, calls_less;
	uint64_t capabilities;
	bool ports;
} options_of[] = {
    {SANDBOX_ENFORCER, SANDBOX_NETFILTER, GROUP(NETFILTER), 0, CAP(NET_ADMIN), false},
    {SANDBOX_ENFORCER, SANDBOX_XDP, GROUP(XDP) | READING, 0, CAP(NET_ADMIN) | CAP(BPF), false},
    {SANDBOX_ENFORCER, SANDBOX_BGP, GROUP(CONNECT) | GROUP(TCP) | GROUP(BGP), 0, 0, true},
    /* what the enforcer loads before it enters */
    {SANDBOX_PARENT, SANDBOX_XDP, 0, GROUP(PARENT_BPF), CAP(BPF) | CAP(PERFMON), false},
};

struct profile profile_of(enum sandbox_profile profile, unsigned options)
{
	struct profile p = profiles[profile];
	for (size_t i = 0; i < sizeof(options_of) / sizeof(*options_of); i++) {
		if (options_of[i].profile != profile || !(options & options_of[i].option))
			continue;
		p.calls = (p.calls | options_of[i].calls) & ~options_of[i].calls_less;
		p.capabilities |= options_of[i].capabilities;
		p.ports |= options_of[i].ports;
	}
	return p;
}
