/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

#include <dirent.h>
#include <stdio.h>

#include "base/num.h"

/* Vectors of the public specification: the baselines of corelight/community-id-spec. */
static const struct {
	const char *src, *dst;
	uint8_t protocol;
	uint16_t src_port, dst_port;
	const char *id;
} vectors[] = {
    {"128.232.110.120", "66.35.250.204", 6, 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"66.35.250.204", "128.232.110.120", 6, 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"192.168.1.52", "8.8.8.8", 17, 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {"8.8.8.8", "192.168.1.52", 17, 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {"192.168.0.89", "192.168.0.1", 1, 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {"192.168.0.1", "192.168.0.89", 1, 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {"fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 58, 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {"fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 58, 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {"3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 58, 3, 0,
        "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w="},
    {"3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:4819::42", 58, 1, 4, "1:jwuBy9UWZK1KUFqJV5cHdVpfrlY="},
    {"192.168.170.8", "192.168.170.56", 132, 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
    {"192.168.170.56", "192.168.170.8", 132, 80, 7, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
};

static struct net_addr addr(const char *s)
{
	struct net_addr a;
	assert_int_equal(net_addr_parse(text_of(s), &a), 0);
	return a;
}

static void ids_are_those_of_the_specification(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		char id[FLOW_COMMUNITY_ID_SIZE];
		assert_string_equal(flow_community_id(addr(vectors[i].src), addr(vectors[i].dst),
		                        vectors[i].protocol, vectors[i].src_port, vectors[i].dst_port, id),
		    vectors[i].id);
	}
}

static void ports_decide_between_one_address_and_itself(void **state)
{
	char one[FLOW_COMMUNITY_ID_SIZE], two[FLOW_COMMUNITY_ID_SIZE];
	(void)state;
	flow_community_id(host(1), host(1), 6, 5, 6, one);
	assert_string_equal(flow_community_id(host(1), host(1), 6, 6, 5, two), one);
	assert_string_not_equal(flow_community_id(host(1), host(1), 6, 6, 7, two), one);
}

/* "c0:a8:00:01" to an address of 4 or 16 bytes, or to a number of one or two. Returns how many bytes. */
static size_t bytes_of(const char *s, uint8_t *out)
{
	char digits[64];
	size_t n = 0;
	for (; *s && n < sizeof(digits); s++)
		if (*s != ':')
			digits[n++] = *s;
	assert_int_equal(num_parse_hex((struct text){.p = digits, .n = n}, out, n / 2), 0);
	return n / 2;
}

/*
 * A baseline's line: what goes into the hash, lower end first, and the id. ICMP has its types in the ports'
 * place, a type without a counterpart its code.
 */
static void check_line(const char *line)
{
	char src[64], dst[64], protocol[8], src_port[8], dst_port[8], want[64], id[FLOW_COMMUNITY_ID_SIZE];
	uint8_t a[16], b[16], number[2], ports[2][2];
	if (sscanf(line, "00:00 %63s %63s %7s 00 %7s %7s (%*d bytes) -> %63s", src, dst, protocol, src_port,
	        dst_port, want) != 6)
		return;
	size_t n = bytes_of(src, a);
	assert_int_equal(bytes_of(dst, b), n);
	bytes_of(protocol, number);
	bytes_of(src_port, ports[0]);
	bytes_of(dst_port, ports[1]);
	flow_community_id(n == 4 ? net_addr_v4(a) : net_addr_v6(a), n == 4 ? net_addr_v4(b) : net_addr_v6(b),
	    number[0], (uint16_t)(ports[0][0] * 256 + ports[0][1]),
	    (uint16_t)(ports[1][0] * 256 + ports[1][1]), id);
	assert_string_equal(id, want);
}

static void all_baselines_of_the_specification_agree(void **state)
{
	const char *root = getenv("BULKHEAD_DATA");
	char folder[512], path[1024], line[512];
	size_t lines = 0;
	(void)state;
	snprintf(folder, sizeof(folder), "%s/corelight/community-id/Baseline/communityid.run-pcaps",
	    root ? root : "");
	DIR *d = root ? opendir(folder) : NULL;
	if (!d) {
		print_message("BULKHEAD_DATA isn't set or has no community ids: skipped\n");
		skip();
	}
	for (struct dirent *entry; (entry = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!f)
			continue;
		for (; fgets(line, sizeof(line), f); lines++)
			check_line(line);
		fclose(f);
	}
	closedir(d);
	assert_true(lines > 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ids_are_those_of_the_specification),
	    cmocka_unit_test(ports_decide_between_one_address_and_itself),
	    cmocka_unit_test(all_baselines_of_the_specification_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
