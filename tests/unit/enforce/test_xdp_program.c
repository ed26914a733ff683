/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the XDP program says to single frames, by the kernel's own test run of programs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "xdp_bed.h"

#define SECOND INT64_C(1000000000)

static struct backend *backend;

static const struct backend_pass passes[] = {
    {.protocol = IPPROTO_TCP, .port = 22},                          /* anywhere */
    {.prefix = {.bits = 128}, .protocol = IPPROTO_UDP, .port = 53}, /* [1]: 10.0.0.53 */
    {.prefix = {.bits = 120}},                                      /* [2]: 10.9.9.0/24 */
    {.prefix = {.bits = 128}, .protocol = IPPROTO_ICMP},            /* [3]: 10.0.0.53 */
    {.prefix = {.bits = 64}, .protocol = IPPROTO_UDP, .port = 123}, /* [4]: fd00:9::/64 */
    {.protocol = IPPROTO_UDP, .port = 5000},
};

static const struct {
	const char *what;
	struct bed_frame frame;
	int verdict;
} frames[] = {
    {"to a cut destination", {.from = "10.1.1.1", .to = "203.0.113.9", .protocol = IPPROTO_UDP}, XDP_DROP},
    {"back from it", {.from = "203.0.113.9", .to = "10.1.1.1", .protocol = IPPROTO_UDP}, XDP_DROP},
    {"its neighbour", {.from = "10.1.1.1", .to = "203.0.113.10", .protocol = IPPROTO_UDP}, XDP_PASS},
    {"from a cut machine", {.from = "10.0.0.7", .to = "10.1.1.1", .protocol = IPPROTO_ICMP}, XDP_DROP},
    {"the last of a prefix", {.from = "10.1.1.1", .to = "198.51.100.255", .protocol = 47}, XDP_DROP},
    {"behind a prefix", {.from = "10.1.1.1", .to = "198.51.101.0", .protocol = 47}, XDP_PASS},
    {"IPv6 destination", {.from = "fd00::1", .to = "2001:db8::9", .protocol = IPPROTO_UDP}, XDP_DROP},
    {"IPv6 prefix", {.from = "2001:db8:1:2::3", .to = "fd00::1", .protocol = IPPROTO_TCP}, XDP_DROP},
    {"behind it", {.from = "2001:db8:1:3::3", .to = "fd00::1", .protocol = IPPROTO_TCP}, XDP_PASS},
    {"one tag", {.from = "10.1.1.1", .to = "203.0.113.9", .protocol = IPPROTO_UDP, .tags = 1}, XDP_DROP},
    {"two tags", {.from = "fd00::1", .to = "2001:db8::9", .protocol = IPPROTO_UDP, .tags = 2}, XDP_DROP},
    {"three tags aren't IP here",
        {.from = "10.1.1.1", .to = "203.0.113.9", .protocol = IPPROTO_UDP, .tags = 3}, XDP_PASS},
    {"ARP", {.type = 0x0806}, XDP_PASS},
    {"a header cut short", {.from = "10.1.1.1", .to = "203.0.113.9", .protocol = 17, .cut_to = 33}, XDP_PASS},
    {"a header just whole", {.from = "10.1.1.1", .to = "203.0.113.9", .protocol = 17, .cut_to = 34},
        XDP_DROP},
    {"an IPv6 header cut short", {.from = "fd00::1", .to = "2001:db8::9", .cut_to = 53}, XDP_PASS},
    /* a service that passes anywhere */
    {"to it", {.from = "10.1.1.1", .to = "10.0.0.7", .protocol = 6, .to_port = 22, .tcp_flags = 2}, XDP_PASS},
    {"its answer", {.from = "10.0.0.7", .to = "10.1.1.1", .protocol = 6, .from_port = 22, .tcp_flags = 0x12},
        XDP_PASS},
    {"what opens isn't its answer",
        {.from = "10.0.0.7", .to = "10.1.1.1", .protocol = 6, .from_port = 22, .tcp_flags = 2}, XDP_DROP},
    {"another port", {.from = "10.1.1.1", .to = "10.0.0.7", .protocol = 6, .to_port = 23}, XDP_DROP},
    {"another protocol", {.from = "10.1.1.1", .to = "10.0.0.7", .protocol = 17, .to_port = 22}, XDP_DROP},
    {"over IPv6", {.from = "fd00::1", .to = "2001:db8::9", .protocol = 6, .to_port = 22}, XDP_PASS},
    {"ports cut short", {.from = "10.1.1.1", .to = "10.0.0.7", .protocol = 6, .to_port = 22, .cut_to = 47},
        XDP_DROP},
    {"ports and flags", {.from = "10.1.1.1", .to = "10.0.0.7", .protocol = 6, .to_port = 22, .cut_to = 48},
        XDP_PASS},
    {"a first fragment",
        {.from = "10.0.0.7", .to = "10.1.1.1", .protocol = 17, .to_port = 5000, .fragment = 1}, XDP_PASS},
    {"a later one of what passes anywhere",
        {.from = "10.0.0.7", .to = "10.1.1.1", .protocol = 17, .fragment = 1480}, XDP_DROP},
    /* a named server */
    {"asking it", {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 17, .from_port = 999, .to_port = 53},
        XDP_PASS},
    {"its answer", {.from = "10.0.0.53", .to = "10.0.0.7", .protocol = 17, .from_port = 53, .to_port = 999},
        XDP_PASS},
    {"another of its ports", {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 17, .to_port = 54},
        XDP_DROP},
    {"another server", {.from = "10.0.0.7", .to = "10.0.0.54", .protocol = 17, .to_port = 53}, XDP_DROP},
    {"from that port of the cut one",
        {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 17, .from_port = 53}, XDP_DROP},
    {"a later fragment to it", {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 17, .fragment = 1480},
        XDP_PASS},
    {"a later fragment of TCP", {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 6, .fragment = 1480},
        XDP_DROP},
    {"its other protocol", {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 1}, XDP_PASS},
    {"what passes anywhere passes there too",
        {.from = "10.0.0.7", .to = "10.0.0.53", .protocol = 17, .to_port = 5000}, XDP_PASS},
    {"a network that is never cut", {.from = "10.0.0.7", .to = "10.9.9.200", .protocol = 99}, XDP_PASS},
    {"IPv6 server", {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .to_port = 123}, XDP_PASS},
    {"IPv6 fragment", {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .fragment = 1480}, XDP_PASS},
    {"behind extensions",
        {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .to_port = 123, .extensions = "hrda"},
        XDP_PASS},
    {"behind extensions, another port",
        {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .to_port = 124, .extensions = "hrda"},
        XDP_DROP},
    {"behind seven",
        {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .to_port = 123, .extensions = "ddddddd"},
        XDP_PASS},
    {"behind eight",
        {.from = "2001:db8::9", .to = "fd00:9::1", .protocol = 17, .to_port = 123, .extensions = "dddddddd"},
        XDP_DROP},
    /* neighbour discovery: RFC 4861 */
    {"solicitation",
        {.from = "2001:db8::9", .to = "ff02::1:ff00:1", .protocol = 58, .icmp_type = 135, .hops = 255},
        XDP_PASS},
    {"from a router away",
        {.from = "2001:db8::9", .to = "ff02::1:ff00:1", .protocol = 58, .icmp_type = 135, .hops = 254},
        XDP_DROP},
    {"advertisement",
        {.from = "2001:db8::9",
            .to = "fd00::1",
            .protocol = 58,
            .icmp_type = 136,
            .hops = 255,
            .payload = 24},
        XDP_PASS},
    {"that carries more",
        {.from = "2001:db8::9",
            .to = "fd00::1",
            .protocol = 58,
            .icmp_type = 136,
            .hops = 255,
            .payload = 25},
        XDP_DROP},
    {"redirect to beyond the link",
        {.from = "2001:db8::9", .to = "fd00::1", .protocol = 58, .icmp_type = 137, .hops = 255}, XDP_DROP},
    {"echo", {.from = "2001:db8::9", .to = "ff02::1", .protocol = 58, .icmp_type = 128, .hops = 255},
        XDP_DROP},
    {"listener report",
        {.from = "2001:db8::9",
            .to = "ff02::16",
            .protocol = 58,
            .icmp_type = 143,
            .hops = 1,
            .extensions = "h"},
        XDP_PASS},
};

static void test_frames(void **unused)
{
	int wrong = 0;
	(void)unused;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		int verdict = bed_verdict(backend, &frames[i].frame);
		if (verdict != frames[i].verdict) {
			print_message("%zu, %s: %d, not %d\n", i, frames[i].what, verdict, frames[i].verdict);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_frames)};
	static const char *const cut[] = {
	    "203.0.113.9", "198.51.100.0/24", "2001:db8::9", "2001:db8:1:2::/64"};
	const char *names[] = {"near"};
	struct backend_pass own[sizeof(passes) / sizeof(passes[0])];
	struct backend_step steps[5];
	char why[XDP_WHY_SIZE];
	int r = bed_make();
	if (r)
		return r;
	memcpy(own, passes, sizeof(own));
	own[1].prefix = own[3].prefix = bed_prefix("10.0.0.53");
	own[2].prefix = bed_prefix("10.9.9.0/24");
	own[4].prefix = bed_prefix("fd00:9::/64");
	struct xdp_config config = {.interfaces = names,
	    .n_interfaces = 1,
	    .passes = own,
	    .n_passes = sizeof(own) / sizeof(own[0]),
	    .pins = bed_pins};
	r = xdp_open(&config, &backend, why);
	if (r < 0) {
		printf("no XDP: %s\n", why);
		bed_end();
		return r == -EPERM || r == -ENOTSUP ? 77 : 1;
	}
	for (size_t i = 0; i < 4; i++)
		steps[i] = (struct backend_step){
		    .cut = bed_cut("", cut[i]), .until = xdp_now() + 3600 * SECOND, .fail_closed = true};
	steps[4] = (struct backend_step){
	    .cut = bed_cut("10.0.0.7", ""), .until = xdp_now() + 3600 * SECOND, .fail_closed = true};
	r = backend->ops->change(backend, steps, 5, NULL);
	r = r == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
	backend->ops->close(backend);
	bed_end();
	return r;
}
