"""Language cases for the chat template interpreter: small templates rendered by the Jinja environment of Transformers.
usage: make_language_cases.py OUT.json   (needs the packages transformers and jinja2)"""
import json
import re
import sys
import traceback

import jinja2
import language_templates as more
from transformers.utils.chat_template_utils import _compile_jinja_template as compile_template

CONTEXT = {
    "n": 7, "zero": 0, "neg": -3, "x": 2.5, "big": 1e22, "tiny": 1.5e-7, "yes": True, "no": False, "nil": None,
    "s": "Hello, World", "e": "", "u": "Grüße – ñandú ✓ 日本 😀", "ws": " \t\n pad \n ", "q": "it's \"q\" \\ \n end",
    "l": [3, 1, 2], "names": ["b", "A", "c", "a"], "nested": [[1, 2], [3, 4]], "el": [],
    "d": {"b": 1, "a": [1, {"k": None}], "items2": "z", "t": True, "f": 1.0}, "ed": {},
    "people": [{"name": "Ann", "age": 30, "role": "user", "a": {"b": [5]}}, {"name": "bob", "age": 25, "role": "system"},
               {"name": "Cy", "age": 30, "role": "user", "a": {"b": [6]}}],
}

PLAIN = r"""
plain text
{{ n }} {{ x }} {{ yes }} {{ nil }} {{ l }} {{ d }} {{ e }}
{{ big }} {{ tiny }} {{ 1.0 }} {{ 100000.0 * 1e11 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 1e-5 }} {{ 0.0001 }}
{{ q }}|{{ [q] }}|{{ ["it's"] }}|{{ ['"'] }}|{{ u }}|{{ [u] }}|{{ ["\x00\x7f\u00ad\u200b\n\t\\"] }}
{{ (1,) }} {{ () }} {{ (1, 'a') }} {{ [] }} {{ {} }} {{ {'a': 1, 2: [none]} }} {{ 1, 2 }}
{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 2 ** 0.5 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ -x }} {{ +n }} {{ - -n }}
{{ true + true }} {{ true * 3 }} {{ -true }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' == 'a' }} {{ [1] == [1.0] }} {{ {'a': 1} == {'a': 1.0} }} {{ (1,) == [1] }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 != 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'Z' < 'a' }} {{ 1 == 1 in [1] }}
{{ 'ell' in s }} {{ 'x' not in s }} {{ 3 in l }} {{ 'a' in d }} {{ 'a' in el }} {{ 1.0 in l }} {{ not 3 in l }} {{ none in [none] }}
{{ 'a' ~ 1 ~ none ~ [1] }} {{ 1 ~ (2 + 3) }} {{ 'a' + 'b' * 2 }} {{ [1] + [2] * 2 }} {{ 3 * 'ab' }} {{ 'a' * -1 }}|
{{ 'a' 'b' "c" }} {{ 'tab\there' }} {{ 'q\'s' }} {{ "\u00e9\x41\101\q" }}
{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 1_0.5e1_0 }} {{ 1e3 }} {{ 2E-2 }} {{ 00 }}
{{ yes and n }} {{ no and n }} {{ no or e or 'last' }} {{ yes or boom }} {{ not no }} {{ not not n }} {{ not e and 1 }}
{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' if no else 'c' }} {{ 'a' if no }}| {{ ('a' if no) is undefined }} {{ 1 if no if yes else 3 }}
{{ missing }}|{{ missing is defined }}|{{ d.nope }}|{{ d['nope'] }}|{{ l[9] }}|{{ [missing] }}|{{ missing == other }}|{{ missing == none }}
{{ missing|default('x') }} {{ missing|d }}| {{ e|default('x') }}| {{ e|default('x', true) }} {{ none|default('x') }} {{ d.nope|default(3, boolean=true) }}
{{ not missing }} {{ missing|length }} {{ missing|list }} {{ missing|join(',') }}| {{ 'a' in missing }} {{ missing ~ 'a' }} {{ missing|upper }}| {{ missing|string }}|
{{ l[0] }} {{ l[-1] }} {{ l.0 }} {{ s[0] }} {{ s[-1] }} {{ u[15] }} {{ nested[1][0] }} {{ people[0].name }} {{ people[0]['a'].b[0] }} {{ d.a.1.k }}
{{ s[1:4] }} {{ s[:3] }} {{ s[3:] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-3:] }} {{ s[5:2] }}| {{ l[1:] }} {{ l[::-1] }} {{ l[:-1] }} {{ l[10:] }} {{ u[::-1] }} {{ (1,2,3)[1:] }} {{ l[none:2] }} {{ l[-100:100:2] }} {{ l[5:0:-2] }}
{{ d.items is callable }} {{ d['items2'] }} {{ d.items2 }} {{ d.get('b') }} {{ d.get('zz') }} {{ d.get('zz', 5) }} {{ 'upper' in s }} {{ s['upper']() }}
{{ d.keys() }} {{ d.values() }} {{ {'a': 1}.items() }} {{ d.keys()|list }} {{ d.items()|list }} {{ d.keys() is sequence }} {{ d.items()|length }} {{ d.items()[0] }}|
{{ range(3) }} {{ range(1, 7, 2)|list }} {{ range(5, 0, -2)|list }} {{ range(3)[1] }} {{ range(10)[2:5]|list }} {{ 2 in range(3) }} {{ range(0)|length }} {{ range(3) == range(0, 3) }} {{ range(0, 10, 3) }}
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ 'hELLO wORLD'.capitalize() }} {{ "they're bill's".title() }} {{ 'aBc'.swapcase() }} {{ 'ß straße ǆ'.upper() }} {{ 'ÀÉ İ ΑΣ'.lower() }} {{ 'ǆ ŉ'.title() }}
[{{ ws.strip() }}] [{{ ws.lstrip() }}] [{{ ws.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abcba'.lstrip('ab') }}] [{{ 'abcba'.rstrip('ab') }}] [{{ '✓a✓'.strip('✓') }}] [{{ ' a '.strip(none) }}]
{{ 'a,b,,c'.split(',') }} {{ ' a  b c '.split() }} {{ 'a b c d'.split(' ', 2) }} {{ 'a b c d'.rsplit(' ', 1) }} {{ ' a  b  c '.split(none, 1) }} {{ ' a  b  c '.rsplit(maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aXXbXXc'.split('XX')[-1] }}
{{ 'a\nb\r\nc\n'.splitlines() }} {{ 'a\nb'.splitlines(true) }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }}
{{ s.startswith('Hell') }} {{ s.startswith(('x', 'H')) }} {{ s.endswith('ld') }} {{ s.startswith('ello', 1) }} {{ s.endswith('') }} {{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('zz') }} {{ u.find('✓') }} {{ s.index('W') }} {{ s.count('l') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }} {{ s.find('o', 5) }} {{ s.find('o', -3, -1) }}
{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'abc'.replace('', '-') }} {{ 'aaa'.replace('aa', 'b') }} {{ s.replace('zz', '') }}
{{ ','.join(['a', 'b']) }} {{ ''.join(s.split('l')) }} {{ '-'.join('abc') }} {{ 'ab'.center(5, '*') }} {{ 'ab'.center(7) }}| {{ 'abc'.center(6,'*') }} {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4, '.') }} {{ '-5'.zfill(4) }} {{ 'a\tb'.expandtabs(4) }}
{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'abc'.removeprefix('x') }} {{ 'a1'.isalnum() }} {{ 'a1'.isalpha() }} {{ 'é'.isalpha() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ' '.isspace() }} {{ ''.isspace() }} {{ 'aB'.islower() }} {{ 'AB1'.isupper() }} {{ 'Ab Cd'.istitle() }} {{ 'a_1'.isidentifier() }} {{ 'é'.isascii() }} {{ 'a\n'.isprintable() }}
{{ '%s is %d and %.2f'|format('x', 3, 2.5) }} {{ '%s' % 'a' }} {{ '%5d|%-5d|%05d|%+d|%x|%X|%o|%e|%g' % (1, 2, 3, 4, 255, 255, 8, 12345.678, 0.0001) }} {{ '%(a)s %(b)r' % {'a': 1, 'b': 'z'} }} {{ '%%' % () }} {{ '%c' % 'a' }} {{ '%5.1f|%#x' % (3.14159, 255) }} {{ '%s'|format(none) }} {{ '%(k)s'|format(k='v') }} {{ '%.2s' % 'abc' }} {{ '%s %s' % (l, d.b) }}
{{ '{} {}'.format(1, 'a') }} {{ '{1} {0}'.format(1, 2) }} {{ '{a.b} {c[0]}'.format(a={'b': 2}, c=[3]) }} {{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}|{:x}|{:%}'.format('a', 'b', 'c', 42, 3.14159, 1234567, 255, 0.5) }} {{ '{!r} {!s}'.format('a', 'a') }} {{ '{{}}'.format() }} {{ '{:*^7}'.format('ab') }} {{ '{:+d} {:e} {:g} {:b}'.format(5, 1234.5, 0.00001, 5) }} {{ '{:{w}}|'.format('a', w=4) }} {{ '{} {}'.format(none, [1]) }}
{{ '  a b  '|trim }}| {{ 'xax'|trim('x') }} {{ s|length }} {{ u|length }} {{ l|count }} {{ d|length }} {{ s|upper }} {{ s|lower }} {{ 'hello-world (foo) [bar] it\'s'|title }} {{ 'hELLO'|capitalize }} {{ 5|upper }} {{ none|trim }}
{{ l|first }} {{ l|last }} {{ el|first }}| {{ el|first is undefined }} {{ s|first }} {{ s|last }} {{ d|first }} {{ ''|last is defined }}
{{ l|join(', ') }} {{ l|join }} {{ [1, none, 'a']|join('-') }} {{ people|join(', ', attribute='name') }} {{ d|join('|') }} {{ 'abc'|join('.') }} {{ [1.5, true]|join(' ') }}
{{ l|sort }} {{ l|sort(reverse=true) }} {{ names|sort }} {{ names|sort(case_sensitive=true) }} {{ people|sort(attribute='age')|map(attribute='name')|list }} {{ people|sort(true, attribute='age,name')|map(attribute='name')|list }} {{ people|sort(attribute='age', reverse=true)|map(attribute='name')|join }}
{{ names|unique|list }} {{ [1, 1.0, true, 2]|unique|list }} {{ people|unique(attribute='age')|map(attribute='name')|list }} {{ names|unique(true)|join }} {{ l|min }} {{ l|max }} {{ names|min }} {{ names|max(case_sensitive=true) }} {{ el|max }}| {{ people|max(attribute='age') }}
{{ l|sum }} {{ [1.5, 2]|sum }} {{ people|sum(attribute='age') }} {{ l|sum(start=10) }} {{ nested|sum(start=[]) }} {{ el|sum }}
{{ l|reverse|list }} {{ s|reverse }} {{ u|reverse }} {{ l|map('string')|list }} {{ names|map('upper')|join }} {{ people|map(attribute='name')|list }} {{ people|map(attribute='a.b.0', default='-')|list }} {{ people|map(attribute='zz')|list }} {{ ['a', 'b']|map('replace', 'a', 'x')|list }} {{ nested|map('first')|list }} {{ nested|map(attribute=0)|list }} {{ el|map('upper')|list }}
{{ people|selectattr('role', 'equalto', 'user')|map(attribute='name')|list }} {{ people|rejectattr('role', 'eq', 'user')|list|length }} {{ people|selectattr('a')|list|length }} {{ people|selectattr('a', 'defined')|list|length }} {{ people|rejectattr('a', 'undefined')|map(attribute='name')|join(',') }} {{ people|selectattr('age', '>', 26)|map(attribute='age')|list }} {{ people|selectattr('role', 'in', ['system'])|list|length }}
{{ l|select('odd')|list }} {{ l|reject('odd')|list }} {{ [0, 1, '', 'a', none]|select|list }} {{ [0, 1]|reject|list }} {{ l|select('gt', 1)|list }} {{ l|select('divisibleby', 3)|list }} {{ names|reject('equalto', 'A')|join(', ') }} {{ l|select('in', [1])|list }}
{{ '42'|int }} {{ '42.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ '0x1f'|int(0, 16) }} {{ '1f'|int(base=16) }} {{ 3.9|int }} {{ -3.9|int }} {{ true|int }} {{ none|int }} {{ ' 7 '|int }} {{ '1_0'|int }} {{ '-12'|int }} {{ '0b11'|int(0, 2) }} {{ ''|int }} {{ [1]|int(9) }}
{{ '2.5'|float }} {{ 'x'|float }} {{ 3|float }} {{ 'x'|float(1.5) }} {{ '1e3'|float }} {{ 'inf'|float }} {{ '-Infinity'|float }} {{ 'nan'|float }} {{ '.5'|float }} {{ '5.'|float }} {{ none|float }}
{{ -5|abs }} {{ (-5)|abs }} {{ (-2.5)|abs }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.4|round(method='ceil') }} {{ 2.67|round(1, 'floor') }} {{ 5|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 1234.5|round(-2) }} {{ 0.5|round }} {{ 2.675|round(2) }} {{ 7|round(method='floor') }}
{{ 'a\nb\n\nc'|indent }}| {{ 'a\nb'|indent(2, true) }}| {{ 'a\n\nb'|indent(2, blank=true) }}| {{ 'a\nb'|indent('> ') }}| {{ 'a\nb\n'|indent(2) }}|{{ 'a'|indent(first=true) }}
{{ d|dictsort }} {{ {'B': 2, 'a': 3, 'C': 1}|dictsort }} {{ {'B': 2, 'a': 3}|dictsort(true) }} {{ {'B': 2, 'a': 3, 'C': 1}|dictsort(by='value') }} {{ {'B': 2, 'a': 3}|dictsort(reverse=true) }}
{{ d|items|list }} {{ missing|items|list }} {{ l|batch(2)|list }} {{ l|batch(2, 'x')|list }} {{ l|slice(2)|list }} {{ range(7)|slice(3, '-')|list }} {{ 'abcdefghij'|truncate(5) }} {{ 'hello big wide world'|truncate(12) }} {{ 'hello big wide world'|truncate(12, true) }} {{ 'hello big wide world'|truncate(12, end='!', leeway=0) }} {{ s|wordcount }} {{ 'ab'|center(6) }}|
{{ people|groupby('age') }} {% for k, v in people|groupby('role') %}{{ k }}:{{ v|length }};{% endfor %} {% for g in people|groupby('age') %}{{ g.grouper }}={{ g.list|map(attribute='name')|join('+') }} {% endfor %}
{{ '<a href="x">&\'</a>'|e }} {{ '<b>'|safe }} {{ '<b>'|safe + '<i>' }} {{ '<b>'|safe ~ '<i>' }} {{ ['<b>'|safe] }} {{ '<'|e|e }} {{ '<'|e|forceescape }} {{ ('<'|safe).upper() + '<' }} {{ ('a<'|safe).replace('a', '<') }} {{ '<x>'|escape|length }}
{{ d|tojson }} {{ s|tojson }} {{ q|tojson }} {{ u|tojson }} {{ u|tojson(ensure_ascii=true) }} {{ [1, 2.0, none, true, 'a<b>&\'']|tojson }} {{ el|tojson }} {{ ed|tojson }} {{ (1, 2)|tojson }} {{ big|tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }} {{ "\x01\x7f\x1f\b\f"|tojson }}
{{ d|tojson(indent=2) }} {{ [el, ed, [1]]|tojson(indent=1) }} {{ d|tojson(indent='--') }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }} {{ d|tojson(separators=(',', ':')) }} {{ [1, 2]|tojson(indent=0) }} {{ [1]|tojson(indent=2, separators=('; ', '= ')) }}
{{ s|string is string }} {{ 1|string + 'a' }} {{ 'a b'|replace('a', 'x')|upper }} {{ 123|replace(2, 'x') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ d|attr('get') is callable }} {{ d|attr('b') }}| {{ d|attr('b') is undefined }}
{{ n is number }} {{ n is integer }} {{ x is float }} {{ yes is number }} {{ yes is integer }} {{ yes is boolean }} {{ s is string }} {{ l is sequence }} {{ s is sequence }} {{ d is mapping }} {{ d is sequence }} {{ l is mapping }} {{ n is iterable }} {{ s is iterable }} {{ missing is iterable }} {{ nil is none }} {{ nil is defined }} {{ missing is none }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ 0 is false }}
{{ 4 is even }} {{ 3 is odd }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ n is eq 7 }} {{ n is equalto 7 }} {{ n is ne 7 }} {{ n is lt 8 }} {{ n is ge 7 }} {{ n is gt(7) }} {{ n is in [7] }} {{ n is not in [7] }} {{ n is sameas n }} {{ yes is sameas true }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ s is escaped }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ range is callable }} {{ n is not none }} {{ not n is none }} {{ 1 is defined and 2 is defined }} {{ x is not string or false }}
{{ people|selectattr('role', 'equalto', 'user') is iterable }} {{ people|map('string') is sequence }} {{ (people|select)|list|length }} {% set g = l|select %}{{ g|first }}{{ g|list }}{{ g|list }} {% set h = l|map('string') %}{{ '1' in h }}{{ h|list }}
{% if n %}a{% endif %}{% if e %}b{% else %}c{% endif %}{% if no %}1{% elif yes %}2{% else %}3{% endif %}{% if no %}1{% elif no %}2{% elif nil %}3{% else %}4{% endif %}
{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }};{% endfor %}
{% for i in l if i > 1 %}{{ i }}{{ loop.index }}{{ loop.length }}{{ loop.last }}{% else %}none{% endfor %} {% for i in el %}x{% else %}empty{% endfor %} {% for i in missing %}x{% else %}undef{% endfor %} {% for i in l if i > 9 %}x{% else %}filtered{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for a, b in nested %}{{ a }}-{{ b }},{% endfor %}{% for c in 'añ✓' %}[{{ c }}]{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %} {% for i in l %}{% break %}{% else %}E{% endfor %} {% for i in l %}{% continue %}{% else %}E{% endfor %} {% for i in l %}{% if loop.index == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}
{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %} {% for a in [1, 2] %}{% set outer = loop %}{% for b in [3, 4] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.cycle('a', 'b') }} {% endfor %}{{ loop }}
{% set v = 1 %}{% for i in l %}{% set v = i %}{{ v }}{% endfor %}{{ v }} {% if yes %}{% set v = 9 %}{% endif %}{{ v }} {% set a, b = 1, 2 %}{{ a }}{{ b }} {% set t = 1, 2 %}{{ t }} {% set (p, q2) = (3, 4) %}{{ p }}{{ q2 }} {% for i in l %}{{ w }}{% set w = i %}{{ w }}{% endfor %}
{% set ns = namespace(found=false, c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.c }}{{ ns.found }}{{ ns.nope }}| {{ ns }} {% set ns2 = namespace({'a': 1}, b=2) %}{{ ns2.a }}{{ ns2.b }}{{ ns2['a'] }}
{% set b %}  text {{ n }} {% endset %}[{{ b }}] {% set b | upper | trim %} abc {% endset %}[{{ b }}] {% set ns = namespace() %}{% set ns.x %}blk{% endset %}{{ ns.x }}
{% macro m(a, b=2, c='z') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(1, c='y') }} {{ m() }} {{ m(b=5, a=4) }} {{ m.name }} {{ m }} {{ m(1)|upper }} {{ m.arguments }}
{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(3) }} {% macro g(a, b=a) %}{{ b }}{% endmacro %}{{ g(7) }} {% macro h() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ h(1, 2, k=3) }} {% macro k() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ k() }}
{% macro w(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call w('b') %}in {{ n }}{% endcall %} {% macro lst(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(i, j=0) lst(l) %}[{{ i }}:{{ j }}]{% endcall %} {% macro opt(caller=none) %}{{ 'has' if caller else 'none' }}{% endmacro %}{{ opt() }}
{% filter upper %}abc {{ s }}{% endfilter %} {% filter replace('a', 'b')|upper %}aaa{% endfilter %} {% with %}{% set z1 = 1 %}{{ z1 }}{% endwith %}{{ z1 }}| {% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}| {% print 1, 'x' %}
{% raw %}{{ not }} {% if %}{% endraw %} {% raw -%}  x  {%- endraw %} a{# comment {{ x }} #}b {#- strip -#} c {#+ keep +#} d
{{ [1, 2,] }} {{ (1, 2,) }} {{ {'a': 1,} }} {{ m is defined }} {{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict({'a': 1}, b=2) }} {{ [1, 2, 3][1:][0] }} {{ {'a': {'b': 1}}.a.b }} {{ {'a': {'b': 1}}['a']['b'] }} {{ 'abc'[1] }} {{ [[1]][0][0] }}
{% set j = joiner('|') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %} {% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}
{{ d.__class__ }}|{{ s.__len__ }}|{{ l.append }}|{{ d.update }}|{{ l.append is defined }} {{ l.index(1) }} {{ l.count(1) }} {{ l.copy() }} {{ d.copy() == d }} {{ (1, 2).index(2) }}
{{ s|upper|lower|title|length }} {{ -n|abs }} {{ n|string ~ 'x'|upper }} {{ 'a' ~ 'b'|upper }} {{ 1 + '2'|int }} {{ [1, 2]|length + 1 }} {{ not el|length }} {{ n is odd and l|length == 3 }} {{ l|length is divisibleby 3 }}
{{ dict(**{'a': 1}) }} {{ range(*[1, 3])|list }} {{ '{}'.format(*[5]) }} {{ (l|list).index(2) }} {{ {'f': range}.f(2)|list }} {{ {1: 'int', 'x': 'str'}[1] }} {{ {true: 'bool'}[1] }} {{ {(1, 2): 'tup'}[(1, 2)] }}
{{ 1 if 'a' in 'abc' else 2 }} {{ (n, s)[0] }} {{ n.real is undefined or true }} {{ [n]|first == 7 }} {{ ('a', 'b')|join }} {{ 5 // 2 * 2 + 5 % 2 }} {{ 10 - 2 - 3 }} {{ 2 * 3 % 4 }} {{ 'a' < 'b' and 'b' < 'c' }} {{ 1 != 2 }} {{ none == false }} {{ '' == none }}
{% for m in people %}{% set role = 'X' if m.role == 'user' else m.role %}{{ role }}:{{ m['name'] | trim }}{% if not loop.last %}, {% endif %}{% endfor %}
{% if n is defined and n is not none and n > 5 %}big{% elif n is defined %}small{% endif %} {% if 'name' in people[0] and people[0].name is string %}str{% endif %} {% if people[0].content is not defined %}nocontent{% endif %}
{{ range(5)|select('even')|map('string')|join('/') }} {{ people|map(attribute='name')|map('lower')|sort|join(' ') }} {{ people|map(attribute='a')|select('defined')|list }} {{ d.a[1].k is none }} {{ d.a[-1]['k'] }}
{{ strftime_now('%%') }} {{ strftime_now('x') }} {{ 9007199254740993 }} {{ 9223372036854775807 }} {{ -9223372036854775807 }} {{ 4611686018427387904 + 4611686018427387903 }} {{ 9007199254740993 == 9007199254740992.0 }} {{ 3 == 3.0 }} {{ 10 ** 18 }} {{ 1/3 }} {{ 100 * 1.1 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }}
{% set x = [1, 2] %}{% set x = x + [3] %}{{ x }} {% set s2 = '' %}{% for i in range(3) %}{% set s2 = s2 ~ i %}{% endfor %}{{ s2 }}| {% set d2 = dict(d, extra=1) %}{{ d2.extra }} {% set a = [] %}{% set a = a + [people[0].name] %}{{ a }}
{{- 'x' -}}   y   {{- 'z' }}
{% generation %}gen {{ n }}{% endgeneration %} after {% for i in l %}{% generation %}{% set gg = i %}{{ gg }}{% endgeneration %}{{ gg }};{% endfor %}
""".strip("\n")

# white space: every combination of signs and surroundings
SPACE = []
for before in ["a", "a ", "a\n", "a \n  ", "\n\n  ", "  "]:
    for left in ["", "-", "+"]:
        for right in ["", "-", "+"]:
            SPACE.append("%s{%%%s if yes %s%%}  \n b {%%%s endif %s%%}\n  c\n" % (before, left, right, left, right))
for left in ["", "-", "+"]:
    for right in ["", "-"]:
        SPACE.append("a \n  {{%s n %s}} \n b" % (left, right))
for left in ["", "-", "+"]:
    for right in ["", "-", "+"]:
        SPACE.append("a \n  {#%s c %s#} \n b{#%s c %s#}\n\n c" % (left, right, left, right))
        SPACE.append("a \n  {%%%s raw %s%%} \n {{ x }} \n  {%%%s endraw %s%%} \n b" % (left, right.replace("+", ""), left, right))
SPACE += ["a\n", "a\n\n", "\n", "", "a\r\nb\r{{ n }}\r\n", "{% if yes %}\n{% endif %}\n\n", "{{ n }}\n{{ n }}", "  {% if yes %}x{% endif %}  ",
          "{% for i in l %}\n  {{ i }}\n{% endfor %}\n", "{%- for i in l -%}\n  {{ i }}\n{%- endfor -%}\n", "x {% set a = 1 %} y\n   {% set b = 2 %}\n z",
          "\u00a0{%- if yes %}n{% endif %}", "a\u3000{{- n }}", "{%if yes%}x{%endif%}", "{{n}}{{-n-}}{{n}}", "{% if yes %}{% if yes %}\n\n{% endif %}\n{% endif %}\n",
          "  {% if yes %}\n  {{ n }}\n  {% endif %}\n  tail", "{{ '{{' }}{{ '%}' }}{{ '#}' }}", "{{ {'a': {'b': 1}} }}", "{ { } } {a} % #", "{{ \"}}\" }}",
          "{% set x = '%}' %}{{ x }}", "{#a#}\n{#b#}\nc", "{{ n -}} \n\n x", "   {{- n }}", "\t{% if yes %}\tt\n\t{% endif %}\n", "{% raw %}\n a\n{% endraw %}\nb"]

ERRORS = r"""
{{ raise_exception('Nope: ' ~ n) }}
{{ missing.attr }}
{{ missing['k'] }}
{{ d.nope.deeper }}
{{ d['nope']['deeper'] }}
{{ l[9].x }}
{{ none.x.y }}
{{ missing() }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ 'a' + missing }}
{{ -missing }}
{{ missing < 1 }}
{{ missing|int }}
{{ missing|tojson }}
{{ missing[1:] }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ 'a' - 'b' }}
{{ [1] + (2,) }}
{{ 1 < 'a' }}
{{ {} < {} }}
{{ none > 1 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 1 in 2 }}
{{ 1 in 'abc' }}
{{ [] in d }}
{{ s() }}
{{ n() }}
{{ s.nope() }}
{{ d.nope() }}
{{ l.append(1) }}
{{ d.update({}) }}
{{ d.pop('a') }}
{{ s.__class__.__mro__ }}
{{ {[]: 1} }}
{{ l|nope }}
{{ l is nope }}
{{ l|map('nope')|list }}
{{ l|select('nope')|list }}
{{ l|map()|list }}
{{ 5|length }}
{{ 5|list }}
{{ none|length }}
{{ none|join }}
{{ 5|items|list }}
{{ [1, 'a']|sort }}
{{ ['a']|sum }}
{{ 'a'|abs }}
{{ 'a'|round }}
{{ range(1000000) }}
{{ range('a') }}
{{ range(1, 2, 0) }}
{{ range|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ '%d' % 'a' }}
{{ '%s %s' % 'a' }}
{{ '%s' % (1, 2) }}
{{ s.split('') }}
{{ s.index('zz') }}
{{ l.index(99) }}
{{ ','.join([1]) }}
{{ s.startswith(1) }}
{{ s.replace('a') }}
{{ l[::0] }}
{{ l['a':] }}
{{ d[1:] }}
{{ nil[1:] }}
{% for i in 5 %}{% endfor %}
{% for i in none %}{% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% set a, b = 1 %}
{% set a, b = [1, 2, 3] %}
{% set d.x = 1 %}
{% set nn.x = 1 %}
{% set ns = namespace() %}{% set ns._x = 1 %}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ caller() }}{% endmacro %}{{ m(1) }}
{{ x = 1 }}
{{ 1 + }}
{{ }}
{{ 'a' 1 }}
{{ (1 }}
{{ [1 }}
{{ {1: } }}
{{ 1 ) }}
{{ ( ] }}
{{ 'abc }}
{{ a ? b }}
{{ $ }}
{{ a..b }}
{{ a. }}
{{ f(a=1, 2) }}
{{ a is b is c }}
{{ a is not }}
{{ a if }}
{{ n | }}
{{ n
{% if n
{# abc
{% raw %} abc
{% if n %}
{% for i in l %}
{% if n %}{% endfor %}
{% for i in l %}{% endif %}
{% endif %}
{% nope %}
{% %}
{% if %}x{% endif %}
{% for i l %}{% endfor %}
{% for 1 in l %}{% endfor %}
{% set 1 = 2 %}
{% set 'a' = 2 %}
{% set true = 2 %}
{% set [a] = 2 %}
{% set x %}
{% macro %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(1) %}{% endmacro %}
{% call n %}{% endcall %}
{% for loop in l %}{% endfor %}
{% break %}
{% else %}
{% if n %}{% else %}{% else %}{% endif %}
{% if n %}{% elif %}{% endif %}
{% generation %}
{% if n %}
line two
{{ n|nope }}{% endif %}{{ n|nope2 }}
{% if no %}{{ n|nope }}{% endif %}{{ raise_exception('reached') }}
{{ raise_exception() }}
{{ raise_exception('a', 'b') }}
{{ dict(1) }}
{{ cycler() }}
{{ 'x'|tojson(nope=1) }}
{{ s|replace('a') }}
{{ s|default(1, 2, 3) }}
{{ '\x4' }}
{{ '\u12' }}
{{ [1, 2]|join(1, 2, 3) }}
""".strip("\n")
MULTI = ["{{ 'a\nb' }}", "{% set b %}  text {{ n }}\n{% endset %}[{{ b }}]", "line\n{{ n }}\n{% if yes %}\n  {{ missing.x }}\n{% endif %}\n", "a\n\n{% nope %}", "{% macro m() %}\n\n{{ missing.x }}\n{% endmacro %}\n\n{{ m() }}",
         "{% for i in l %}\n{{ i }}\n{% if loop.last %}{{ raise_exception('last') }}{% endif %}\n{% endfor %}", "{#\n\n#}\n{{ 1 + }}", "{{ 'a\nb' }}\n{{ missing.x }}",
         "{% if n %}\n\n{% endfor %}", "{%- if yes -%}\n\n\n{%- endif -%}\n{{ missing.x }}", "{% set x %}\n\n{{ missing.y }}{% endset %}", "{% raw %}\n\n{% endraw %}\n{{ missing.z }}"]
EXACT = ("TemplateError", "UndefinedError", "TemplateSyntaxError", "TemplateAssertionError", "TemplateRuntimeError", "SecurityError", "FilterArgumentError")


def template_line(error):
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == "<template>" or f.filename == "<unknown>"]
    return frames[-1].lineno if frames else 0


def run(source):
    case = {"template": source}
    try:
        template = compile_template(source)
        case["text"] = template.render(**CONTEXT)
        if "generation" in source:
            blocks, ranges = [], []
            with template.environment.activate_tracker(blocks, ranges):
                for block in template.generate(**CONTEXT):
                    blocks.append(block)
            case["generation"] = ranges
    except Exception as error:
        case["error"] = type(error).__name__
        if case["error"] in EXACT:
            case["message"] = str(error) if not isinstance(error, jinja2.TemplateSyntaxError) else error.message
        case["line"] = template_line(error)
    return case


rendered = PLAIN.split("\n") + more.PLAIN
cases = [run(source) for source in rendered + SPACE + ERRORS.split("\n") + more.ERRORS + MULTI + more.MULTI]
# Messages that name objects by their address in memory are not worth comparing.
assert not any(re.search(r"0x[0-9a-f]{6,}", c.get("text", "")) for c in cases), [c for c in cases if re.search(r"0x[0-9a-f]{6,}", c.get("text", ""))]
json.dump({"source": f"jinja2 {jinja2.__version__} in the environment of transformers.utils.chat_template_utils", "context": CONTEXT, "cases": cases},
          open(sys.argv[1], "w"), indent=0, ensure_ascii=False)
print(len(cases), "cases,", sum("error" in c for c in cases), "errors")
for c in cases[:len(rendered)]:
    if "error" in c:
        print("unexpected:", c)
