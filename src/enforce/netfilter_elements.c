/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_elements.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

/* nft's form of user data: a type (0, a comment), a length, the text with its NUL. */
const uint8_t netfilter_mark[] = "\0\x2b"
                                 "Bulkhead's: cuts in force, see doc/enforce";
const size_t netfilter_mark_size = sizeof(netfilter_mark);
_Static_assert(sizeof(netfilter_mark) == 2 + 0x2b, "the comment's length");

void netfilter_elements_begin(struct netfilter_elements *l, const struct netfilter_model *m,
    const struct netfilter_family *f, struct netfilter_batch *b, uint16_t type, const char *set, size_t mark)
{
	uint16_t flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;
	*l = (struct netfilter_elements){.m = m, .f = f, .b = b, .set = set, .type = type};
	l->h = netfilter_message(m, f, b, type, flags, mark);
	mnl_attr_put_strz(l->h, NFTA_SET_ELEM_LIST_SET, set);
	l->list = mnl_attr_nest_start(l->h, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void netfilter_elements_add(
    struct netfilter_elements *l, const uint8_t *key, size_t n, uint64_t timeout_ms, bool renew, size_t mark)
{
	if (l->h->nlmsg_len > NETFILTER_LIST_MAX) {
		netfilter_elements_end(l);
		netfilter_elements_begin(l, l->m, l->f, l->b, l->type, l->set, mark);
	}
	struct nlattr *element = mnl_attr_nest_start(l->h, NFTA_LIST_ELEM);
	struct nlattr *value = mnl_attr_nest_start(l->h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(l->h, NFTA_DATA_VALUE, n, key);
	mnl_attr_nest_end(l->h, value);
	if (timeout_ms)
		mnl_attr_put_u64(l->h, NFTA_SET_ELEM_TIMEOUT, htobe64(timeout_ms));
	if (timeout_ms && renew)
		mnl_attr_put_u64(l->h, NFTA_SET_ELEM_EXPIRATION, htobe64(timeout_ms));
	mnl_attr_nest_end(l->h, element);
}

void netfilter_elements_end(struct netfilter_elements *l)
{
	mnl_attr_nest_end(l->h, l->list);
}

size_t netfilter_elements_place(const struct nlmsghdr *h, uint32_t offset)
{
	const struct nlattr *a, *element;
	size_t place = 0;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(element, a)
		{
			size_t at = (size_t)((const uint8_t *)element - (const uint8_t *)h);
			if (offset >= at && offset < at + MNL_ALIGN(element->nla_len))
				return place;
			place++;
		}
	}
	return 0;
}

static uint64_t get_be64(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) == sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(a)) : 0;
}

static void read_counter(const struct nlattr *expression, struct netfilter_element *e)
{
	const struct nlattr *a, *value;
	mnl_attr_for_each_nested(a, expression)
	{
		if (mnl_attr_get_type(a) != NFTA_EXPR_DATA)
			continue;
		mnl_attr_for_each_nested(value, a)
		{
			if (mnl_attr_get_type(value) == NFTA_COUNTER_PACKETS)
				e->packets = get_be64(value);
			else if (mnl_attr_get_type(value) == NFTA_COUNTER_BYTES)
				e->bytes = get_be64(value);
		}
	}
}

static struct netfilter_element read_element(const struct nlattr *list_element)
{
	struct netfilter_element e = {.expires_ms = UINT64_MAX};
	const struct nlattr *a, *value;
	mnl_attr_for_each_nested(a, list_element)
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_SET_ELEM_KEY:
			mnl_attr_for_each_nested(value, a) if (mnl_attr_get_type(value) == NFTA_DATA_VALUE)
			{
				e.key = mnl_attr_get_payload(value);
				e.key_size = mnl_attr_get_payload_len(value);
			}
			break;
		case NFTA_SET_ELEM_EXPIRATION: e.expires_ms = get_be64(a); break;
		case NFTA_SET_ELEM_EXPR: read_counter(a, &e); break;
		default: break;
		}
	}
	return e;
}

int netfilter_elements_read(const struct nlmsghdr *h, netfilter_element_fn fn, void *context)
{
	const struct nlattr *a, *list_element;
	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return -EPROTO;
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(list_element, a)
		{
			struct netfilter_element e = read_element(list_element);
			int r = e.key ? fn(context, &e) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}
