"""More templates for make_language_cases.py: what renders, and what fails. A line that is expressions only is a template an expression."""
import re

PLAIN = r"""
{% for p in [{'n': 1, 'c': [{'n': 2, 'c': [{'n': 3}]}, {'n': 4}]}] recursive %}{{ p.n }}@{{ loop.depth }}{{ loop.depth0 }}[{{ loop(p.c) if p.c else '-' }}]{% endfor %}
{% for x in nested recursive %}{% if x is iterable %}<{{ loop(x) }}>{% else %}{{ x }}{{ loop.index }}/{{ loop.length }}{% endif %}{% endfor %}
{% for x in [1, [2, [3, []]]] recursive %}{% if x is sequence %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% else %}empty{% endfor %}
{% for x in [[1, 2, 3], [4, 5]] if x != 2 recursive %}{% if x is iterable %}{{ loop(x)|upper ~ ';' }}{% else %}{{ x }},{% endif %}{% endfor %}
{% for x in [[1, 9, 2], 3] recursive %}{% if x == 9 %}{% break %}{% endif %}{% if x is iterable %}[{{ loop(x) }}]{% continue %}{% endif %}{{ x }}{% endfor %}
{% set v = 'top' %}{% for x in [[1], 2] recursive %}{{ v }}{% set v = 'in' %}{{ v }}{% if x is iterable %}{{ loop(x) }}{% endif %};{% endfor %}{{ v }}
{% for a in [1, 2] %}{% for x in [[a], a] recursive %}{{ a }}{% if x is iterable %}({{ loop(x) }}){% endif %}{% endfor %}|{{ loop.index }} {% endfor %}
{% for x in [[1]] recursive %}{% for y in x %}{{ loop.depth }}{% endfor %}{% set o = loop %}{% if x is iterable %}{% for q in [x] %}{% endfor %}{{ o.depth }}{% endif %}{% endfor %}
{% for k, v in {'a': {'b': {'c': 1}}}.items() recursive %}{{ k }}{% if v is mapping %}.{{ loop(v.items()) }}{% else %}={{ v }}{% endif %}{% endfor %}
{%- for x in [1, [2]] recursive -%}  {% if x is iterable %}{{ loop(x) }}{% else %} {{ x }} {% endif %}  {%- endfor -%}
{% for x in el recursive %}{{ x }}{% else %}none{% endfor %}|{% for x in [[]] recursive %}{{ loop(x) }}{% else %}none{% endfor %}
{% for x in [1, [1, 2]] recursive %}{% if x is iterable %}{{ loop(x) }}{% else %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }}{{ loop.previtem }}{{ loop.nextitem }}{% endif %};{% endfor %}
{% macro m(xs) %}{% for x in xs recursive %}{{ x if x is number else loop(x) }}{% endfor %}{% endmacro %}{{ m([1, [2, [3]]]) }}{{ m(nested) }}
{% block a %}in {{ n }}{% endblock %} {% block b scoped %}x{% endblock b %} {% set z = 1 %}{% block c %}{{ z }}{% set z = 2 %}{{ z }}{% endblock %}{{ z }}
{% for i in l %}{% block d %}{{ i }}{% endblock %}{% block e scoped %}{{ i }}{{ loop.index }}{% endblock e %}{% endfor %}
{% macro m(x) %}[{{ x }}]{% endmacro %}{% block a %}{{ m(n) }}{% if yes %}{% block b %}{{ m(2) }}{% endblock %}{% endif %}{% endblock %}
{% if no %}{% block a %}x{% endblock %}{% endif %}y{% with q1 = 3 %}{% block b %}{{ q1 }}{% endblock %}{% block c scoped %}{{ q1 }}{% endblock %}{% endwith %}
{{ 'Hello {}'.format('x') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{name}: {age:>4}'.format(name='Ann', age=3) }} {{ '{:>8.3f}|{:<8}|{:^8}|{:=+8d}'.format(3.14159, 'ab', 'cd', 42) }}
{{ '{:,}'.format(1234567.891) }} {{ '{:_}'.format(1234567) }} {{ '{:.1%}'.format(0.1234) }} {{ '{:08.3f}'.format(-3.14159) }} {{ '{:e}'.format(12345.678) }} {{ '{:g} {:g} {:G}'.format(1e10, 1e-10, 1e-10) }} {{ '{:#x} {:#o} {:#b} {:X}'.format(255, 8, 5, 255) }}
{{ '{:c}{:c}'.format(65, 8364) }} {{ '{:n}'.format(12) }} {{ '{:5}|{:5}|{:<5}|'.format(1, 'a', 1) }} {{ '{:5}|{:<5}|'.format(true, true) }} {{ '{:é^7}'.format('ab') }} {{ '{:.2}'.format('abcdef') }} {{ '{:6.2}|'.format('abcdef') }} {{ '{!r:>6}|'.format('a') }}
{{ '{0[0]} {0[1]} {1[k]} {2.role}'.format([1, 2], {'k': 3}, people[0]) }} {{ '{:{}{}}'.format('x', '>', 4) }} {{ '{{{}}}'.format(1) }} {{ '{} {}'.format(*[1, 2]) }} {{ '{a}'.format(**{'a': 1}) }} {{ '{a}'.format_map({'a': 2}) }} {{ '{:+} {: }'.format(3, 3) }} {{ '{:.0f} {:.0f} {:.0f}'.format(0.5, 1.5, 2.5) }}
{{ '%5s|%-5s|%05.1f|%+.2e|%%|%i' % ('a', 'b', 2.345, 12345.678, 3.9) }} {{ '%*d|%-*d|' % (5, 42, 5, 42) }} {{ '%.3s|%10.3s|' % ('abcdef', 'abcdef') }} {{ '% d %#o %#X' % (5, 8, 255) }} {{ '%(x).1f' % {'x': 2.25} }} {{ '%g %g %g' % (100000, 1000000, 0.00001) }} {{ '%s' % ((1, 2),) }} {{ '%x' % -255 }} {{ '%c%c' % (65, 'z') }} {{ '%d' % 3.99 }} {{ '%d' % true }} {{ '%.0f' % 2.5 }}
{{ 'a,b,c,d'.split(',', 2) }} {{ 'a,b,c,d'.rsplit(',', 2) }} {{ 'a,b,c'.split(',', maxsplit=1) }} {{ 'a,b,c'.split(sep=',') }} {{ 'a,b'.split(',', 0) }} {{ ',a,'.split(',') }} {{ 'abc'.split('abc') }} {{ ' a b '.split(' ') }} {{ 'a\u3000b\u00a0c\x1cd'.split() }} {{ '  '.split() }} {{ 'a b c'.split(none, -1) }} {{ 'a--b--c'.rsplit('--', maxsplit=1) }} {{ 'aaa'.split('aa') }} {{ 'aaa'.rsplit('aa') }} {{ 'äöü'.split('ö') }}
{{ '<think>a</think>b'.split('</think>')[-1].lstrip('\n') }} {{ 'a</think>b</think>c'.split('</think>')|last }} {{ ('a</think>b'.split('</think>')[0]).split('<think>')[-1].rstrip('\n').lstrip('\n') }}
[{{ '  xyx '.strip().strip('x') }}] [{{ 'ñaañ'.strip('ñ') }}] [{{ '日本日'.lstrip('日') }}] [{{ 'abcabc'.rstrip('cb') }}] [{{ '\u00a0a\u3000'.strip() }}] [{{ '\x1ca\x1f'.strip() }}] [{{ '\u200ba\u200b'.strip() }}] [{{ '--a-b--'.strip('-') }}] [{{ ''.strip() }}] [{{ 'aaa'.strip('a') }}] [{{ '***'|trim('*') }}] [{{ ' a '|trim }}] [{{ '\n\n a \n'|trim('\n') }}] [{{ 'ab'.strip('') }}]
{{ 'hello wörld'.title() }} {{ "it's o'neil's".title() }} {{ 'a1b2 c3d'.title() }} {{ 'ÉCOLE élan'.title() }} {{ 'ﬁne ŉ ß'.title() }} {{ 'x-ray_test'.title() }} {{ 'ǆabc ǅABC'.title() }} {{ 'hello wörld'|title }} {{ "it's o'neil's"|title }} {{ 'foo-bar [baz] {qux} <quux> (corge)'|title }} {{ 'éCOLE'|title }} {{ 'a1b2 c3d'|title }}
{{ 'éCOLE ÀB'.capitalize() }} {{ 'ßtraße'.capitalize() }} {{ 'ﬁNE'.capitalize() }} {{ 'ǆX'.capitalize() }} {{ '1abC'.capitalize() }} {{ ''.capitalize() }}| {{ 'éCOLE'|capitalize }} {{ 'ΑΣ ΣΑ'.lower() }} {{ 'ΑΣ.'.lower() }} {{ 'Σ'.lower() }} {{ 'İ'.lower()|length }} {{ 'ŉ'.upper() }} {{ 'ΐ'.upper()|length }} {{ 'ẞß'.lower() }} {{ 'Straße'.swapcase() }} {{ 'ᾳ'.upper() }} {{ 'ᾳ'.title() }}
{{ 'abcdef'[::-2] }} {{ 'abcdef'[4:1:-1] }} {{ 'abcdef'[-1:-4:-1] }} {{ 'abcdef'[:2:-1] }} {{ 'abcdef'[2::-1] }} {{ 'abcdef'[10::-1] }} {{ 'abcdef'[-10::-1] }}| {{ 'abcdef'[:-10:-1] }} {{ [1,2,3,4][::-1] }} {{ [1,2,3,4][-2::-1] }} {{ [1,2,3,4][1:-1] }} {{ (1,2,3)[::-1] }} {{ range(10)[::-3]|list }} {{ range(10)[8:2:-2]|list }} {{ range(0, 10, 3)[::-1]|list }} {{ range(10)[-3:] }} {{ l[true:] }} {{ 'añb'[1] }} {{ 'añb'[-2:] }} {{ u[-1] }} {{ u[::3] }}
{{ people[:-1]|length }} {{ people[1:]|map(attribute='name')|list }} {{ people[-1]['name'] }} {{ people[::-1]|map(attribute='name')|join }} {{ people[0:1] }}
{{ 1e3|int }} {{ 1e15 }} {{ 1e17 }} {{ 123456.789e3 }} {{ 1.10 }} {{ 3.0 * 2 }} {{ 10 / 5 }} {{ 10 / 4 }} {{ 2 ** 0.5 }} {{ 2 ** 62 }} {{ (-2) ** 3 }} {{ 0.1 * 3 }} {{ 1e100 }} {{ 1.5e-10 }} {{ -0.0 }} {{ 0.0 == -0.0 }} {{ 7 // 2.0 }} {{ -7 // 2.0 }} {{ 7.5 % 2.5 }} {{ -1 % 3.5 }} {{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ (1e308 * 10) - (1e308 * 10) }} {{ 5 % -3 }} {{ -5 % 3 }} {{ -5 // 3 }} {{ 0 ** 0 }}
{{ 3.14159|round(2) }} {{ 3.14159|round }} {{ 2.5|round|int }} {{ -2.5|round }} {{ (-2.5)|round }} {{ 1.005|round(2) }} {{ 1234.5678|round(-2) }} {{ 1.1|round(0, 'ceil') }} {{ 1.19|round(1, 'floor') }} {{ (-1.1)|round(0, 'floor') }} {{ 42|round(2) }} {{ 42|round(-1) }} {{ 1e20|round }} {{ 0.5|round(method='common') }} {{ true|round }} {{ '1e3'|int }} {{ '12.9'|int }} {{ '-0x1A'|int(0, 16) }} {{ '0b101'|int(base=2) }} {{ '0o17'|int(base=8) }} {{ 'z'|int(base=36) }} {{ '1 2'|int(-1) }} {{ 'nan'|int(3) }} {{ '+5'|int }} {{ 2.99|int }} {{ false|int }} {{ '_1'|int }} {{ 1.0|int }} {{ '1_000'|int }}
{{ '1.5e3'|float }} {{ 'inf'|float > 1 }} {{ '-inf'|float }} {{ ' 2.5 '|float }} {{ '1_0.5'|float }} {{ '0x10'|float(9) }} {{ ''|float }} {{ true|float }} {{ 'abc'|float(default=1) }} {{ 1|float }} {{ '1,5'|float }} {{ 'infinity'|float }} {{ 'NaN'|float }} {{ 1.0|string }} {{ 1|string }} {{ 1e50|string }} {{ true|string|lower }} {{ none|string }} {{ [1.0, 'a']|string }}
{{ (-3)|abs }} {{ true|abs }} {{ -3.5|abs }} {{ 5|float / 2 }} {{ 7|string|length }} {{ [3, 1.5, 2]|sum }} {{ [true, 2]|sum }} {{ [[1], [2]]|sum(start=[]) }} {{ [3, 1, 2]|min }} {{ ['b', 'A']|min }} {{ ['b', 'A']|min(true) }} {{ ['b', 'A']|max }} {{ [1, 2.5]|max }} {{ ['bb', 'a']|max }} {{ people|min(attribute='age') == people[1] }} {{ people|max(attribute='name') == people[2] }} {{ {'b': 1, 'a': 2}|min }} {{ 'hello'|max }} {{ 'hello'|min }} {{ el|min is undefined }}
{% set ns = namespace(a=1) %}{% set ns.b = [1] %}{% set ns.a = ns.a + 1 %}{{ ns.a }}{{ ns.b }}{% for i in range(3) %}{% set ns.a = ns.a * 2 %}{% endfor %}{{ ns.a }} {{ ns.c is defined }} {% if true %}{% set ns.d = 4 %}{% endif %}{{ ns.d }} {% macro m() %}{% set ns.a = 'macro' %}{% endmacro %}{{ m() }}{{ ns.a }} {{ ns['a'] }}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }} {% set ns.c %}text{% endset %}{{ ns.c }} {% set ns.d | upper %}x{% endset %}{{ ns.d }} {% set other = ns %}{% set other.a = 9 %}{{ ns.a }} {{ namespace(x=[1]).x }} {{ namespace({'q': 1}, r=2).q }} {{ namespace([('k', 'v')]).k }} {{ ns is mapping }} {{ ns is defined }} {{ ns is iterable }}
{% for i in l %}{% set ns = namespace(v=i) %}{% for j in [1, 2] %}{% set ns.v = ns.v + j %}{% endfor %}{{ ns.v }},{% endfor %}{{ ns is defined }} {% with %}{% set ns = namespace(z=1) %}{% set ns.z = 2 %}{{ ns.z }}{% endwith %}
{% set x = 1 %}{% for i in [1] %}{{ x }}{% set x = 2 %}{{ x }}{% endfor %}{{ x }} {% if true %}{% set x = 3 %}{% endif %}{{ x }} {% macro m() %}{{ x }}{% set x = 4 %}{{ x }}{% endmacro %}{{ m() }}{{ x }} {% with x = 5 %}{{ x }}{% set x = 6 %}{{ x }}{% endwith %}{{ x }} {% filter upper %}{% set x = 'f' %}{{ x }}{% endfilter %}{{ x }} {% set y %}{% set x = 7 %}{{ x }}{% endset %}{{ y }}{{ x }}
{% macro m(a, b='B', c=a) %}{{ a }}|{{ b }}|{{ c }}|{{ varargs }}|{{ kwargs }}{% endmacro %}{{ m(1) }} {{ m(1, 2, 3, 4, 5) }} {{ m(1, z=2) }} {{ m(c=1, a=2, q=[1]) }} {{ m() }} {{ m(b=none, a=missing) }} {{ m(*[1, 2], **{'c': 3, 'k': 4}) }}
{% macro m(a, b=n + 1, c='x' ~ n) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(0) }} {% macro outer(t) %}{% macro inner(q) %}{{ t }}{{ q }}{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer('T') }} {% macro r(k) %}{{ k }}{% if k %}{{ r(k[1:]) }}{% endif %}{% endmacro %}{{ r('abc') }} {{ m.name }} {{ m.arguments }} {{ m.catch_kwargs }} {{ m.catch_varargs }} {{ m.caller }}
{% macro m() %}{{ caller is defined }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ m() }} {% call m() %}body{% endcall %} {% macro twice() %}{{ caller(1) }}{{ caller(b=2) }}{% endmacro %}{% call(a='d', b='e') twice() %}[{{ a }}{{ b }}]{% endcall %} {% macro pass() %}{% call m() %}<{{ caller() }}>{% endcall %}{% endmacro %}
{% macro wrap(tag) %}<{{ tag }}{% for k, v in kwargs.items() %} {{ k }}={{ v }}{% endfor %}>{{ caller(*varargs) }}</{{ tag }}>{% endmacro %}{% call(a, b=2) wrap('p', 7, id='x') %}{{ a }}-{{ b }}-{{ n }}{% endcall %} {% macro deep(x) %}{% if x > 0 %}{% call deep(x - 1) %}{{ x }}{{ caller() if caller }}{% endcall %}{% else %}{{ caller() }}{% endif %}{% endmacro %}
{% macro m(x) -%}   {{ x }}   {%- endmacro %}[{{ m(1) }}] {% macro m2(x) %} {{ x }} {% endmacro %}[{{ m2(1) }}] {{ m2(1)|trim }} {{ m2('a') ~ m2('b') }} {{ m2('a') == ' a ' }} {{ m2('<')|length }} {% set m3 = m2 %}{{ m3(5) }} {{ [m2][0](6) }} {{ {'k': m2}.k(7) }} {{ m2 is callable }} {% for f in [m, m2] %}{{ f(loop.index) }}{% endfor %}
{% for i in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.previtem }}{{ loop.nextitem }} {% endfor %}
{% for i in [1, 1, 2, 2, 1] %}{{ 'C' if loop.changed(i) else '.' }}{% endfor %} {% for i in l %}{{ loop.cycle('odd', 'even', 'x') }}{{ loop.cycle(*l) }}{% endfor %} {% for a, b in [(1, 2), (1, 3)] %}{{ loop.changed(a, b) }}{{ loop.changed(a) }}{% endfor %} {% for i in l %}{{ loop.previtem|default('P') }}{{ loop.nextitem|default('N') }}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }};{% endfor %}
{% for m in people %}{% if loop.previtem is defined and loop.previtem.age > m.age %}drop {% endif %}{% if not loop.last and loop.nextitem.role == 'user' %}next-user {% endif %}{{ m.name }};{% endfor %} {% for x in l|sort %}{{ x }}{{ ', ' if not loop.last }}{% endfor %} {% for x in l|map('string') %}{{ loop.length }}{{ loop.last }}{{ x }}{% endfor %} {% for x in people|selectattr('role', 'eq', 'user') %}{{ loop.revindex }}{% endfor %}
{% for i in range(6) if i is even and i > 0 %}{{ i }}:{{ loop.index }} {% endfor %} {% for i in l if loop is defined %}{{ i }}{% endfor %}| {% for i in range(3) %}{% for j in range(i) %}{{ i }}{{ j }} {% else %}E{{ i }} {% endfor %}{% endfor %} {% for i, (a, b) in [(1, (2, 3))] %}{{ i }}{{ a }}{{ b }}{% endfor %} {% for i in d.values() %}{{ loop.index }}{% endfor %} {% for k, v in d|dictsort %}{{ k }}{% endfor %} {% for k in d.keys()|sort %}{{ k }}{% endfor %} {% for _ in range(2) %}{{ _ }}{% endfor %}
{% for i in l %}{% set loop_index = loop.index %}{{ loop_index }}{% endfor %} {% for c in u %}{{ c }}{% if loop.index > 4 %}{% break %}{% endif %}{% endfor %} {% for i in [1,2,3] %}{% if i == 2 %}{% continue %}{% else %}{{ i }}{% endif %}{% else %}never{% endfor %} {% for i in [] %}{% else %}{% for j in [1] %}{{ j }}{% endfor %}{% endfor %} {% for i in (1, 2) %}{{ i }}{% endfor %} {% for i in 1, 2, 3 %}{{ i }}{% endfor %} {% for x in {'b': 1, 'a': 2} %}{{ x }}{% endfor %}
{% set a %}{{ n }}{% endset %}{{ a|int + 1 }} {% set a | replace('x', 'y') | upper %}axbx{% endset %}{{ a }} {% set a | trim | length %}  abc  {% endset %}{{ a + 1 }} {% set a | default('d') %}{% endset %}[{{ a }}] {% set a | default('d', true) %}{% endset %}[{{ a }}] {% set a %}{% for i in l %}{{ i }}{% endfor %}{% endset %}{{ a }}
{% filter trim | upper %} x {{ n }} {% endfilter %} {% filter replace('a', n ~ '') %}banana{% endfilter %} {% filter tojson %}a"b{% endfilter %} {% filter title %}hello world{% endfilter %} {% for i in l %}{% filter string %}{{ i }}{{ loop.index }}{% endfilter %}{% endfor %}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 1 }} {{ 3 > 2 > 2 }} {{ 1 == 1 == 1 }} {{ 1 in [1] in [[1]] }} {{ 1 < 2 in [2] }} {{ 'a' in 'abc' in ['abc'] }} {{ 1 != 2 != 1 }} {{ n > 5 and n < 10 }} {{ 5 < n <= 7 }} {{ not 1 < 2 }} {{ not 1 in [2] }} {{ 1 not in [2] }} {{ (1 < 2) == true }} {{ 1 < 2 == true }} {{ none is none == true }} {{ 'b' > 'a' > 'A' }} {{ [1, 2] < [1, 2, 3] }} {{ (1, 2) < (2,) }} {{ true < 2 }} {{ 1.5 >= 1 }} {{ 'é' > 'z' }} {{ '日' > '😀' }}
{{ n is number and n is not float }} {{ n is integer }} {{ 1.0 is integer }} {{ true is integer }} {{ true is number }} {{ 'a' is sequence }} {{ {} is sequence }} {{ () is sequence }} {{ range(2) is sequence }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ {} is iterable }} {{ none is iterable }} {{ none is mapping }} {{ 'a' is mapping }} {{ 1 is string }} {{ none is defined }} {{ none is none }} {{ missing is undefined }} {{ d.a is defined }} {{ d.q is defined }} {{ d['q'] is undefined }} {{ l[7] is defined }} {{ 'a' is lower }} {{ 'aB' is lower }} {{ '1' is lower }} {{ 'AB' is upper }} {{ 1 is upper }} {{ 3 is divisibleby(1.5) }} {{ 0 is even }} {{ -3 is odd }} {{ (-3) is odd }} {{ 2.0 is even }}
{{ 1 is sameas 1 }} {{ none is sameas none }} {{ 'a' is sameas 'b' }} {{ l is sameas l }} {{ 1 is sameas true }} {{ 1 is eq 1.0 }} {{ 1 is == 1 }} {{ 1 is lessthan 2 }} {{ 3 is greaterthan 2 }} {{ 2 is le 2 }} {{ 'a' is in 'abc' }} {{ 'a' is in ['a'] }} {{ 1 is in (1, 2) }} {{ 'k' is in {'k': 1} }} {{ 1 is in range(3) }} {{ 'upper' is filter }} {{ 'xx' is filter }} {{ 'even' is test }} {{ 'xx' is test }} {{ s is escaped }} {{ s|e is escaped }} {{ s.upper is callable }} {{ 'x' is callable }} {{ namespace is callable }} {{ yes is boolean }} {{ 1 is boolean }} {{ no is not true }} {{ missing is not defined and missing is not none }} {{ 1 is not divisibleby 2 }} {{ true is true }} {{ 1 is true }} {{ 0 is false }} {{ false is false }}
{{ missing }}{{ missing.x is defined if false }}{{ missing|default('D') }}{{ missing|default }}|{{ d.q|default(n) }}{{ none|default('x', true) }}{{ ''|d('e', true) }}{{ 0|default(1) }}{{ 0|default(1, true) }}{{ false|default('f', boolean=True) }}{{ missing|default(default_value='kw') }} {{ missing == missing }}{{ missing == none }}{{ missing != 1 }}{{ not missing }}{{ missing or 'or' }}{{ (missing and 1) is undefined }}{{ missing|string == '' }}{{ missing|length }}{{ missing|list }}{{ missing|join('x') }}{{ missing|first is undefined }}{{ missing ~ 'c' }}{{ 'a' in missing }}{{ missing in [1] }}{{ missing in [missing] }}{{ [missing]|length }}{{ [missing, 1] }}{{ missing|upper }}{{ missing|trim }}{{ missing|replace('a', 'b') }}{{ missing|e }}{{ missing is none }}{{ missing is string }}{{ missing|map('upper')|list }}{{ missing|selectattr('a')|list }}{{ missing|sort }}{{ missing|unique|list }}{{ missing|reverse|list }}{{ missing|sum }}{{ missing|items|list }}{{ missing|batch(2)|list }}{{ missing|wordcount }}{{ missing|title }}{{ missing|capitalize }}{{ missing|indent }}
{% for x in missing %}{{ x }}{% endfor %}{% if missing %}t{% else %}f{% endif %}{% if not missing %}n{% endif %}{{ 'y' if missing else 'z' }}{% set q = missing %}{{ q is defined }}{{ [q]|first is defined }}{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}{{ m(missing) }}{{ missing if missing is defined else 'none' }}{{ {'a': missing} }}{{ {'a': missing}.a is defined }}{{ (missing, 1)|length }}{{ missing < 1 if missing is defined }}{% with z = missing %}{{ z is undefined }}{% endwith %}
{{ d|tojson }} {{ people|tojson }} {{ d|tojson(indent=4) }} {{ people[0]|tojson(indent=1) }} {{ d|tojson(sort_keys=true) }} {{ people|tojson(sort_keys=true, indent=2) }} {{ d|tojson(separators=(',', ':')) }} {{ people[0]|tojson(separators=(', ', ': '), indent=2) }} {{ u|tojson(ensure_ascii=True) }} {{ {'é': 'ü😀'}|tojson(true) }} {{ {'é': 'ü'}|tojson(ensure_ascii=false) }}
{{ []|tojson(indent=2) }} {{ {}|tojson(indent=2) }} {{ [[]]|tojson(indent=2) }} {{ {'a': {}}|tojson(indent=2) }} {{ ()|tojson }} {{ 'a/b'|tojson }} {{ '</script>&\''|tojson }} {{ '\u2028\x7f\x00\x1b'|tojson }} {{ 1.0|tojson }} {{ 1e16|tojson }} {{ 1e-7|tojson }} {{ 1e22|tojson }} {{ 123456789.123|tojson }} {{ (1e308 * 10)|tojson }} {{ (-1e308 * 10)|tojson }} {{ true|tojson }} {{ none|tojson }} {{ '日本'|tojson }} {{ d.items()|list|tojson }} {{ '\t\r\n\b\f\\"'|tojson }} {{ l|tojson|length }} {{ {'a': 1}|tojson|safe }} {{ {1.5: 1, true: 2, none: 3}|tojson }} {{ {2: 'b', 10: 'a'}|tojson(sort_keys=true) }} {{ [1, [2, {'k': [3]}]]|tojson(indent='\t') }} {{ {'a': [1, 2], 'b': 'x'}|tojson(None) }} {{ [1, 2]|tojson(indent=none) }} {{ {'a': 1, 'b': 2}|tojson(false, 2, (',', ':'), true) }} {{ '\ud7ff\ue000'|tojson(true) }}
{{ d|items|list }} {{ d|items|map('first')|list }} {% for k, v in d|items %}{{ k }}{% endfor %} {{ {}|items|list }} {{ d.items()|list|length }} {{ d|dictsort }} {{ {'b': 2, 'A': 3, 'c': 1}|dictsort }} {{ {'b': 2, 'A': 3}|dictsort(true) }} {{ {'b': 2, 'A': 3, 'c': 1}|dictsort(false, 'value') }} {{ {'b': 2, 'A': 3}|dictsort(reverse=true) }} {{ {'b': 'x', 'a': 'X'}|dictsort(by='value', case_sensitive=true) }} {{ {2: 'a', 1: 'b'}|dictsort }} {{ {'x': 1}|dictsort|tojson }}
{{ people|groupby('role')|list|length }} {% for role, items in people|groupby('role') %}{{ role }}={{ items|map(attribute='name')|join(',') }};{% endfor %} {% for g in people|groupby('age') %}{{ g.grouper }}{{ g.list|length }}{{ g[0] }}{{ g[1]|length }}{% endfor %} {% for k, v in people|groupby('zz', default='none') %}{{ k }}{{ v|length }}{% endfor %} {% for k, v in [{'c': 'b'}, {'c': 'A'}, {'c': 'B'}]|groupby('c') %}{{ k }}{{ v|length }}{% endfor %} {% for k, v in [{'c': 'b'}, {'c': 'A'}, {'c': 'B'}]|groupby('c', case_sensitive=true) %}{{ k }}{{ v|length }}{% endfor %} {% for k, v in people|groupby('a.b.0', default=0) %}{{ k }}{{ v|length }}{% endfor %} {% for k, v in nested|groupby(0) %}{{ k }}{{ v }}{% endfor %}
{{ people|map(attribute='name')|join(', ') }} {{ people|map('length')|list }} {{ people|map(attribute='a.b')|list }} {{ people|map(attribute='a', default={})|list }} {{ l|map('multiply', 2)|list if false }} {{ l|map('float')|list }} {{ ['1', 'x']|map('int', 7)|list }} {{ ['1', 'x']|map('int', default=7)|list }} {{ ['ab', 'c']|map('upper')|map('lower')|list }} {{ [' a', 'b ']|map('trim')|list }} {{ nested|map('join', '-')|list }} {{ nested|map('last')|list }} {{ nested|map(attribute='0')|list }} {{ nested|map('sum')|list }} {{ [d]|map('items')|map('list')|list }} {{ 'abc'|map('upper')|join }} {{ d|map('upper')|list }} {{ l|map('tojson')|list }} {{ l|map('string')|map('replace', '1', 'x')|list }} {{ people|map('attr', 'x')|list|length }} {{ people|map('tojson', indent=2)|first }}
{{ people|selectattr('a')|map(attribute='name')|list }} {{ people|selectattr('a.b')|list|length }} {{ people|rejectattr('a')|map(attribute='name')|list }} {{ people|selectattr('age', 'gt', 26)|list|length }} {{ people|selectattr('age', 'lt', 26)|map(attribute='name')|first }} {{ people|selectattr('name', 'in', ['Ann', 'Cy'])|list|length }} {{ people|rejectattr('name', 'in', 'Ann')|list|length }} {{ people|selectattr('role', '==', 'user')|list|length }} {{ people|selectattr('role', 'ne', 'user')|list|length }} {{ people|selectattr('age', 'odd')|list|length }} {{ people|selectattr('a', 'undefined')|list|length }} {{ people|selectattr('name', 'lower')|map(attribute='name')|list }} {{ people|selectattr('a.b.0', 'equalto', 5)|list|length }} {{ people|selectattr('age', 'divisibleby', 5)|list|length }} {{ people|selectattr('name', 'string')|list|length }} {{ people|selectattr('role', 'sameas', 1)|list }} {{ nested|selectattr(0, 'gt', 1)|list }} {{ l|select('gt', 1)|list }} {{ l|reject('==', 1)|list }} {{ [1, 'a', none, 2.5]|select('number')|list }} {{ [1, 'a', none]|reject('none')|list }} {{ ['', 'a']|select|list }} {{ [0, 1]|reject|list }} {{ ['a', 'b']|select('in', 'bcd')|list }} {{ ['aa', 'b']|select('eq', 'b')|first }}
{{ [3, 1, 2]|sort }} {{ [3, 1, 2]|sort(true) }} {{ ['b', 'A', 'a', 'B']|sort }} {{ ['b', 'A', 'a', 'B']|sort(case_sensitive=true) }} {{ ['b', 'A', 'a', 'B']|sort(reverse=true) }} {{ people|sort(attribute='name')|map(attribute='name')|list }} {{ people|sort(attribute='age,name', reverse=true)|map(attribute='name')|list }} {{ people|sort(attribute='role')|map(attribute='name')|list }} {{ [[2, 'a'], [1, 'b']]|sort }} {{ [[2, 'a'], [1, 'b']]|sort(attribute=1) }} {{ 'hello'|sort }} {{ {'b': 1, 'a': 2}|sort }} {{ (3, 1)|sort }} {{ range(3)|sort(reverse=true) }} {{ [true, 0, 2]|sort }} {{ [1.5, 1]|sort }} {{ ['é', 'z', 'É']|sort }} {{ [[1, 2], [1]]|sort }}
{{ [1, 2, 1, 3]|unique|list }} {{ ['a', 'A', 'b']|unique|list }} {{ ['a', 'A', 'b']|unique(case_sensitive=true)|list }} {{ people|unique(attribute='role')|map(attribute='name')|list }} {{ 'abca'|unique|join }} {{ [1, true, 1.0]|unique|list }} {{ [none, none]|unique|list }} {{ [(1, 2), (1, 2)]|unique|list }} {{ l|reverse|list }} {{ 'añ✓'|reverse }} {{ (1, 2)|reverse|list }} {{ range(3)|reverse|list }} {{ l|first }} {{ l|last }} {{ 'añ'|last }} {{ (1, 2)|last }} {{ d|first }} {{ d|last }} {{ range(3)|last }} {{ d.values()|first }} {{ l|map('string')|first }} {{ {'a': 1}.items()|first }}
{{ l|batch(2)|list }} {{ range(5)|batch(2, 0)|list }} {{ 'abcde'|batch(2)|map('join')|list }} {{ range(7)|slice(3)|list }} {{ range(7)|slice(3, 'f')|list }} {{ range(2)|slice(3)|list }} {{ range(6)|slice(3, 'x')|list }} {% for row in range(5)|batch(2, '-') %}{{ row|join(',') }};{% endfor %} {{ [1, 2]|join(d='-') }} {{ ['a', 1, none, true, 1.5]|join('|') }} {{ people|join('/', 'name') }} {{ people|join(attribute='age') }} {{ 'abc'|join('-') }} {{ d|join(',') }} {{ el|join(',') }}| {{ [[1], {}]|join(';') }} {{ ['<', '>'|safe]|join('&') }} {{ [missing, 1]|join('-') }} {{ {'a': 1}|list }} {{ 'añ'|list }} {{ range(2)|list }} {{ (1,)|list }} {{ d.items()|list|last }}
{{ 'a b  c'|wordcount }} {{ 'é-ñ a_b'|wordcount }} {{ 'hello world foo'|truncate(8) }} {{ 'hello world foo'|truncate(8, true) }} {{ 'hello world foo'|truncate(8, false, '..', 0) }} {{ 'hello world'|truncate(11) }} {{ 'hello world'|truncate(7, leeway=4) }} {{ 'hello world'|truncate(7, end='…') }} {{ 'añoñañoñañoñ'|truncate(6, true, '', 0) }} {{ 'a'|center(5) }}| {{ 'ab'|center(5) }}| {{ 'abc'|center(2) }} {{ 'ñ'|center(4) }}| {{ 'a\nb'|indent(1) }} {{ 'a\n\nb'|indent(3, true, true) }} {{ 'a\r\nb'|indent }} {{ 'x'|indent('>>', true) }} {{ 'a\nb'|indent(width=2, first=True) }} {{ ''|indent(2, true) }}| {{ '\n'|indent(2) }}| {{ 'a\n'|indent(2, blank=true) }}|
{{ 'a' 'b' }} {{ 'a' ~ 1 ~ 2.0 ~ none ~ true ~ [1] ~ {'a': 1} }} {{ 1 ~ 2 + 3 }} {{ 'x' * 3 ~ 'y' }} {{ 1 + 2 ~ 3 }} {{ '<' ~ ('>'|safe) }} {{ ('<'|safe) ~ '>' }} {{ -1 ~ 2 }} {{ 'a' ~ missing ~ 'b' }} {{ 2 ** 3 ~ 'x' }} {{ not 'a' ~ 'b' }} {{ 'a' ~ 'b' == 'ab' }} {{ 'a' ~ 'b'|upper }} {{ ('a' ~ 'b')|upper }}
{{ 'a'|upper ~ 'b' if yes else 'c' }} {{ (1 if yes else 2) + 3 }} {{ 1 if yes else 2 + 3 }} {{ 1 if no else 2 if no else 3 }} {{ [1 if yes else 2, 3] }} {{ {'a': 1 if no else 2} }} {{ ('x' if no) ~ 'y' }} {{ 'a' if yes and no or n > 3 else 'b' }} {{ 'a' if missing is defined else 'b' }} {{ n if n is odd else -n }} {{ (none or 0 or '' or []) }} {{ 1 and 2 and 3 }} {{ 0 and boom }} {{ 1 or boom }} {{ none or 'd' }} {{ (1 or 2) and 3 }} {{ not none }} {{ not '' and not [] }}
{{ [1, 2] + [3] }} {{ [1] * 3 }} {{ (1,) + (2,) }} {{ 'ab' * 2 }} {{ 2 * [0] }} {{ [] + [] }} {{ [[]] * 2 }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b', 'z') }} {{ {'a': none}.get('a', 'z') }} {{ {'a': 1, 'b': 2}.keys()|list }} {{ {'a': 1}.values()|list }} {{ {'a': 1}.items()|list }} {{ 'a' in {'a': 1} }} {{ 1 in {'a': 1}.values() }} {{ ('a', 1) in {'a': 1}.items() }} {{ {'a': 1} == {'a': 1} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }} {{ [1, 2] == [1, 2] }} {{ [1] == (1,) }} {{ {1: 'a'}[1.0] }} {{ {'a': {'b': [1, {'c': 2}]}}.a.b[1].c }} {{ {'a': 1, 'a': 2} }} {{ dict(a=1, **{'b': 2}) }} {{ dict([['k', 1]]) }} {{ dict({'a': 1}, a=2) }} {{ dict() }}
{{ 'abc'.index('c') }} {{ 'abcabc'.rindex('b') }} {{ 'abc'.find('z') }} {{ 'añb'.find('b') }} {{ 'abcabc'.find('a', 1) }} {{ 'abc'.count('') }} {{ 'ababab'.count('ab', 1) }} {{ 'abc'.startswith(('x', 'ab')) }} {{ 'abc'.endswith(('c', 'd')) }} {{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith('b', 0, 2) }} {{ 'a.b'.partition('.') }} {{ 'a.b.c'.rpartition('.')[2] }} {{ 'abc'.replace('b', '') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'aaa'.replace('a', 'b', -1) }} {{ 'añ'.replace('', '.') }} {{ 'a\nb\x0bc\x85d\u2028e'.splitlines() }} {{ 'a\r\n\nb'.splitlines(keepends=true) }} {{ ''.splitlines() }} {{ 'ab'.join(['1', '2', '3']) }} {{ ''.join([]) }}| {{ ' '.join('abc') }} {{ ', '.join(d.keys()) }} {{ '-'.join(l|map('string')) }} {{ 'x'.join(('a', 'b')) }}
{{ 'ab'.center(6) }}| {{ 'ab'.center(5, '-') }} {{ 'a'.ljust(3, '.') }} {{ 'ñ'.rjust(3, '日') }} {{ '42'.zfill(5) }} {{ '+4'.zfill(4) }} {{ '--4'.zfill(5) }} {{ 'a\tb\tc'.expandtabs() }} {{ 'ab\tc'.expandtabs(4) }} {{ 'TestCase'.removeprefix('Test') }} {{ 'TestCase'.removesuffix('Case') }} {{ 'x'.removeprefix('') }} {{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ ''.isalnum() }} {{ '١٢'.isdigit() }} {{ '²'.isdigit() }} {{ 'Ⅷ'.isnumeric() }} {{ '日'.isalpha() }} {{ '日'.islower() }} {{ 'ǅ'.istitle() }} {{ 'Hello World'.istitle() }} {{ 'hello'.istitle() }} {{ '\t\n'.isspace() }} {{ '\u200b'.isspace() }} {{ 'a b'.isidentifier() }} {{ 'für_1'.isidentifier() }} {{ 'if'.isidentifier() }} {{ 'ab\x7f'.isprintable() }} {{ ''.isprintable() }} {{ 'ab'.isascii() }}
{{ l.index(1) }} {{ l.count(3) }} {{ (1, 2, 1).count(1) }} {{ (1, 2).index(2) }} {{ [1, 2, 3, 2].index(2, 2) }} {{ l.copy() }} {{ d.copy()|length }} {{ [1, 2].count('a') }} {{ [[1], [2]].index([2]) }} {{ range(2, 8, 2).start }}{{ range(2, 8, 2).stop }}{{ range(2, 8, 2).step }} {{ range(3)|string }} {{ range(3) == range(3) }} {{ 3 in range(3) }} {{ range(-3, 0)|list }} {{ range(0, -6, -2)|list }} {{ range(5)[1:3] }} {{ range(3)|tojson if false }} {{ range(5)|random is number if false }} {{ n.real if false }} {{ 5 .bit_length() if false }} {{ 'abc'.__len__ is defined }}
{%- set x = 'a' -%}  {{- x -}}  b {%- if x %} c {% endif -%}  d  {#- e -#}  f
a {%+ if yes %} b {%+ endif %} c {%- if no -%} d {%- else -%} e {%- endif -%} f {%+ set q = 1 +%} g {%- set r = 2 +%} h
  {%- for i in l -%}  {{ i }}  {%- endfor -%}  |  {%- for i in l %}  {{ i -}}  {% endfor -%}  end  
  {%+ for i in l +%}  x  {%+ endfor +%}  y
{%- macro m() -%}  a  {%- endmacro -%}  {{- m() -}}  {%- call m() -%}  x  {%- endcall -%}  {%- filter upper -%}  b  {%- endfilter -%}  {%- set z -%}  c  {%- endset -%}  {{- z -}}  {%- with -%}  d  {%- endwith -%}  {%- raw -%}  {{ e }}  {%- endraw -%}  f
{{ '\n' }}{{ "\t" }}{{ '\\n' }}{{ '\x41\u0042\U00000043' }}{{ '\101\0' == 'A\x00' }}{{ "it's" }}{{ 'say "hi"' }}{{ '\'' }}{{ "\"" }}
{{ {'a': 1}['a'] }}{{ {'a-b': 1}['a-b'] }}{{ d['a'][1]['k'] }}{{ people[0]['name'][0] }}{{ people[-1].name }}{{ nested[0][-1] }}{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ (1, 2)[1] }}{{ [[1, 2], [3]][1][0] }}{{ {'items': 1}['items'] }}{{ {'items': 1}.items is callable }}{{ {'get': 5}.get is callable }}{{ {'keys': 5}['keys'] }}{{ {1: {2: 3}}[1][2] }}{{ {'0': 'str', 0: 'int'}['0'] }}{{ {'0': 'str', 0: 'int'}[0] }}{{ l.0 }}{{ nested.1.0 }}{{ {none: 1}[none] }}{{ {true: 1}[1] }}
{{ s.upper().lower().title()[::-1][1:3] }} {{ s|upper|lower|title|reverse }} {{ (s|upper)[0] }} {{ s|upper is upper }} {{ -3|abs }} {{ 3|string * 2 }} {{ [1, 2]|length * 2 }} {{ 'a,b'|replace(',', ';') }} {{ s|length > 3 and s|length < 100 }} {{ [s, e]|map('length')|sum }} {{ (s ~ s)|length }} {{ s.split(', ')|map('lower')|join('-') }} {{ s.split()[0][:-1] }} {{ ('a' in s)|string }} {{ s|list|length }} {{ s|replace('l', 'L', 1)|replace('L', 'M') }} {{ (l|sort)[0] }} {{ l|sort|first }} {{ (l + [9])|max }}
{{ '<b>&"\''|e }} {{ '<b>'|escape|upper }} {{ '<b>'|safe|e }} {{ '<b>'|e|e }} {{ ('<'|e) ~ '<' }} {{ ('<'|e) + '<' }} {{ '<' + ('<'|e) }} {{ ('a'|safe).join(['<', '>']) }} {{ ('<a>'|safe)[1:] }} {{ ('<'|safe) * 2 }} {{ ('<'|safe) == '<' }} {{ ('<'|safe)|replace('<', '>') }} {{ ('a'|e)|replace('a', '<') }} {{ 5|e }} {{ none|e }} {{ ['<']|e }} {{ ('<'|safe)|string|e }} {{ ('<'|safe)|lower|e }} {{ ('x'|safe).strip() ~ '<' }} {{ ('<'|safe)|trim ~ '<' }} {{ ('a b'|safe)|title ~ '<' }} {{ '<'|forceescape|forceescape }} {{ ('a'|safe) ~ ('b'|safe) ~ '<' }}
{{ true }}{{ false }}{{ none }}{{ True }}{{ False }}{{ None }} {{ [true, none] }} {{ {'a': false} }} {{ true and none }} {{ true|string }} {{ true|tojson }} {{ true + 1 }} {{ true == 1 }} {{ [true][0] }} {{ true|int }} {{ not true }} {{ true is true }} {{ true in [1] }} {{ {1: 'a'}[true] }} {{ 'true' == true }} {{ none == none }} {{ none in [none] }} {{ none|int }} {{ none is sameas none }} {{ none ~ '' }}
{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %} {% with a = 2 %}{% with b = a + 1 %}{{ a }}{{ b }}{% endwith %}{{ b }}{% endwith %} {% with x1 = 1 %}{% endwith %}{{ x1 }}|
{% with (a, b) = (1, 2) %}{{ a }}{{ b }}{% endwith %} {% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }} {% set a, = [1] %}{{ a }}
{% set a, b = b, a %}{{ a }}{{ b }} {% set a = 1, %}{{ a }} {% set t = (1, 2) %}{% set x, y = t %}{{ x }}{{ y }} {% set x, y = 'ab' %}{{ x }}{{ y }} {% set x, y = {'k': 1, 'm': 2} %}{{ x }}{{ y }} {% set s = s ~ '!' %}{{ s }} {% set n = n + 1 %}{{ n }} {% set l = l + [4] %}{{ l }}
{% if n == 7 %}{% if no %}a{% elif n > 5 %}b{% else %}c{% endif %}{% endif %}{% if yes %}{% else %}d{% endif %}{% if (n, 1) %}t{% endif %}{% if [] or {} or '' or 0 or 0.0 or none %}x{% else %}y{% endif %}{% if ' ' %}z{% endif %}{% if n in (7, 8) %}in{% endif %}{% if not n == 8 %}ne{% endif %}{% if 'x' not in s and s %}ok{% endif %}{% if d %}D{% endif %}{% if not ed %}E{% endif %}{% if namespace() %}N{% endif %}{% if range(0) %}r{% else %}R{% endif %}{% if l|select('gt', 99) %}G{% endif %}
{% raw %}{% if %}{{ x }}{# #}{% endraw %}{%raw%} a {%endraw%}{%- raw %} b {% endraw -%} c d{##}e{#-#}f {#--#} g
{{ cycler('a', 'b').next() }} {% set c = cycler(1, 2, 3) %}{% for i in range(4) %}{{ c.next() }}{% endfor %}{{ c.current }}{% set _ = c.reset() %}{{ c.next() }} {% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j() }}c {% set j = joiner(' | ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %} {{ range is defined }} {{ joiner is callable }} {{ raise_exception is defined }} {{ strftime_now is callable }}
{{ strftime_now('') }}| {{ strftime_now('%d %b %Y')|length }} {{ strftime_now('%Y')|int > 2000 }} {{ strftime_now('100%%') }} {{ strftime_now('%Y-%m-%d').split('-')|length }}
{% print n %}{% print 'a', 'b' %}{% print l|join(',') %}{% print missing %} {% generation %}{% for i in l %}{{ i }}{% endfor %}{% endgeneration %}{% generation %}{% endgeneration %}x{%- generation -%}  y  {%- endgeneration -%}  z
""".strip("\n")

PLAIN = [part for line in PLAIN.split("\n") for part in (re.split(r"(?<=\}\})\|? (?=\{\{)", line) if "{%" not in line else [line])]
ERRORS = r"""
{{ loop(1) }}
{% for x in [1] %}{{ loop([2]) }}{% endfor %}
{% for x in [1] recursive %}{{ loop() }}{% endfor %}
{% for x in [[1]] recursive %}{{ loop(x[0]) }}{% endfor %}
{% for x in [1] recursive %}{{ loop(missing.y) }}{% endfor %}
{% for x in [1] recursive if x %}{% endfor %}
{% for x in [1] %}{% for y in [] recursive %}{% else %}{% break %}{% endfor %}{% endfor %}
{% block a %}{% endblock %}{% block a %}{% endblock %}
{% block a-b %}{% endblock %}
{% block a %}{% endblock b %}
{% block %}{% endblock %}
{% block 1 %}{% endblock %}
{% block a %}
{% for x in l %}{% block a %}{% break %}{% endblock %}{% endfor %}
{% block a required %}{% endblock %}
{{ loop.index }}
{{ missing.a.b }}
{{ n.missing.deeper }}
{{ people[0].missing.deeper }}
{{ people[9].name }}
{{ people.name.first }}
{{ ''.missing() }}
{{ missing|float }}
{{ missing|abs }}
{{ missing|round }}
{{ missing * 2 }}
{{ missing > 1 }}
{{ missing[0] }}
{{ missing() }}
{{ d.missing() }}
{{ (1 if no) + 1 }}
{{ (1 if no).x }}
{{ l|first.x }}
{{ el|first + 1 }}
{{ el|max > 1 }}
{{ el|last|int }}
{% set ns = {} %}{% set ns.x = 1 %}
{% set ns = namespace(_a=1) %}
{{ ns.x = 1 }}
{% set l[0] = 1 %}
{% set d['a'] = 1 %}
{% set a.b.c = 1 %}
{% set n + 1 = 2 %}
{{ l.extend([1]) }}
{{ l.insert(0, 1) }}
{{ d.setdefault('q', 1) }}
{{ d.popitem() }}
{{ d.clear() }}
{{ [].append(1) }}
{{ l.sort() }}
{{ d.__init__ }}{{ d.__init__() }}
{{ ''.__class__.__base__ }}
{{ s.__class__() }}
{{ m.__globals__ }}{% macro m() %}{% endmacro %}{{ m.__globals__.x }}
{{ '{0.__class__}'.format(s) }}
{{ '{0.__class__.__mro__}'.format(s) }}
{{ '{}'.format() }}
{{ '{1}'.format(1) }}
{{ '{a}'.format(1) }}
{{ '{'.format(1) }}
{{ '}'.format(1) }}
{{ '{} {0}'.format(1, 2) }}
{{ '{:d}'.format('a') }}
{{ '{:d}'.format(1.5) }}
{{ '{:s}'.format(1) }}
{{ '{:.2d}'.format(1) }}
{{ '{:z}'.format(1) }}
{{ '{!x}'.format(1) }}
{{ '{0[5]}'.format([1]) }}
{{ '{0.nope}'.format(1) }}
{{ '%d %d' % 1 }}
{{ '%d' % (1, 2) }}
{{ '%q' % 1 }}
{{ '%' % 1 }}
{{ '%(a)s' % 1 }}
{{ '%(a)s' % {'b': 1} }}
{{ '%c' % 'ab' }}
{{ '%x' % 'a' }}
{{ '%f' % 'a' }}
{{ 'a'.center('x') }}
{{ 'a'.split(1) }}
{{ 'a'.split(',', 'x') }}
{{ 'a'.strip(1) }}
{{ 'a'.join(1) }}
{{ 'a'.join([1, 2]) }}
{{ 'a'.replace(1, 2) }}
{{ 'a'.find(1) }}
{{ 'a'.index('b') }}
{{ 'a'.ljust(3, 'ab') }}
{{ 'a'.startswith([1]) }}
{{ 'a'.nope }}{{ 'a'.nope.x }}
{{ 'a'.upper(1) }}
{{ [1, 2].index(3) }}
{{ [1, 2]['a'].x }}
{{ [1][::0] }}
{{ 'abc'[::0] }}
{{ 5[0].x }}
{{ none[0].x }}
{{ {'a': 1}[[]].x }}
{{ {{}: 1} }}
{{ 1 + none }}
{{ none + 1 }}
{{ [] + 'a' }}
{{ 'a' + [] }}
{{ {} + {} }}
{{ 'a' * 'b' }}
{{ 1.5 * 'a' }}
{{ [1] * 1.5 }}
{{ 'a' / 2 }}
{{ 'a' % 2 }}
{{ -'a' }}
{{ +'a' }}
{{ -none }}
{{ 'a' ** 2 }}
{{ 0 ** -1 }}
{{ 1 % 0.0 }}
{{ 1 // 0.0 }}
{{ 1 < none }}
{{ 'a' < 1 }}
{{ [1] < 1 }}
{{ [1] < ['a'] }}
{{ {} < 1 }}
{{ 1 in none }}
{{ 'a' in 1 }}
{{ 1 in 'a' }}
{{ [3, 'a']|sort }}
{{ [none, 1]|sort }}
{{ [none, 1]|min }}
{{ [{}]|unique|list }}
{{ {'a': 1, 2: 3}|dictsort }}
{{ {'a': 1}|dictsort(by='x') }}
{{ 5|dictsort }}
{{ 5|items|first }}
{{ 'ab'|items|list }}
{{ 5|first }}
{{ 5|join }}
{{ 5|map('upper')|list }}
{{ 5|sort }}
{{ 5|reverse }}
{{ none|list }}
{{ 5|batch(2)|list }}
{{ l|batch }}
{{ l|map('nope')|list }}
{{ l|map(1)|list }}
{{ l|selectattr|list }}
{{ people|selectattr('a', 'nope')|list }}
{{ people|sort(attribute='zz.y') }}
{{ people|sort }}
{{ people|sum }}
{{ people|groupby }}
{{ 'a'|round }}
{{ none|abs }}
{{ none|round }}
{{ 1.5|round(1, 'up') }}
{{ 'a'|indent(none) }}
{{ 'abc'|truncate(2, end='...') }}
{{ 5|wordcount }}
{{ 5|format(1) }}
{{ '%s'|format(1, a=2) }}
{{ s|replace }}
{{ s|trim(1) }}
{{ s|join(1) }}
{{ s|upper(1) }}
{{ s|default(a=1) }}
{{ n|attr }}
{{ {1: {2, 3}} }}
{{ range()|list }}
{{ range(1, 2, 3, 4) }}
{{ range('a', 2) }}
{{ range(1.5) }}
{{ dict(1, 2) }}
{{ dict([1]) }}
{{ namespace(1) }}
{{ namespace([1]) }}
{{ joiner(1, 2) }}
{{ raise_exception(n) }}
{{ raise_exception(message='kw') }}
{{ raise_exception(none) }}
{{ raise_exception('Grüße ✓ <b> "q"') }}
{{ strftime_now() }}
{{ strftime_now(1) }}
{{ missing|tojson }}
{{ [missing]|tojson }}
{{ s.upper|tojson }}
{{ {'a': range(2)}|tojson }}
{{ {(1,): 1}|tojson }}
{{ {'a': 1, 2: 3}|tojson(sort_keys=true) }}
{{ d|tojson(indent=1.5) }}
{{ d|tojson(separators=',') }}
{{ d|tojson(1, 2, 3, 4, 5) }}
{{ [l|map('string')]|tojson }}
{{ namespace(a=1)|tojson }}
{{ loop|tojson }}{% for x in l %}{{ loop|tojson }}{% endfor %}
{% macro m(a, b) %}{{ a }}{{ b.c }}{% endmacro %}{{ m(1) }}
{% macro m() %}{{ varargs[3].x }}{% endmacro %}{{ m(1) }}
{% macro m() %}{% endmacro %}{{ m(1) }}
{% macro m() %}{% endmacro %}{{ m(a=1) }}
{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a, a) %}{% endmacro %}
{% macro m() %}{% endmacro %}{% call m() %}x{% endcall %}
{% macro m() %}{{ caller(1) }}{% endmacro %}{% call m() %}x{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{% call(a) m() %}{{ a.b }}{% endcall %}
{% macro m() %}{{ caller(b=1) }}{% endmacro %}{% call(a) m() %}{{ a }}{% endcall %}
{% call missing() %}x{% endcall %}
{% call(1) m() %}x{% endcall %}
{% call m %}x{% endcall %}
{% macro m() %}{{ m(1).x.y }}{% endmacro %}{{ m().x.y }}
{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% continue %}
{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% for x, y in l %}{% endfor %}
{% for x in l if missing.y %}{% endfor %}
{% for x in l.missing.y %}{% endfor %}
{% for x in l|nope %}{% endfor %}
{% for %}{% endfor %}
{% for x %}{% endfor %}
{% for x in %}{% endfor %}
{% for x.y in l %}{% endfor %}
{% for x in l %}
{% for x in l %}{% else %}{% else %}{% endfor %}
{% for x in l %}{% elif x %}{% endfor %}
{% if %}{% endif %}
{% if n %}{% endif x %}
{% if n %}{% endfor %}{% endif %}
{% elif n %}
{% endfor %}
{% endmacro %}
{% set %}
{% set a %}x
{% set a = %}
{% set (a, b) %}x{% endset %}
{% set a | nope %}x{% endset %}
{% set loop = 1 %}{% for i in l %}{% set loop = 1 %}{% endfor %}
{% filter %}x{% endfilter %}
{% filter nope %}x{% endfilter %}
{% filter upper %}x
{% with a %}{% endwith %}
{% with a = %}{% endwith %}
{% with a = 1 %}
{% macro m %}{% endmacro %}
{% macro m() %}
{% macro 1() %}{% endmacro %}
{% raw %}x
{% endraw %}
{# x
{{ x
{{ 'x
{% if 'x %}{% endif %}
{{ x }
{{ x %}
{% if x }}{% endif %}
{{ a b }}
{{ a, }}{{ , }}
{{ a[ }}
{{ a[] }}
{{ a( }}
{{ a(b=) }}
{{ a(**b, c) }}
{{ a(*b, c=1, *d) }}
{{ {1} }}
{{ {1:2 }}
{{ (1, }}
{{ 1 if }}
{{ 1 if 2 else }}
{{ a|b| }}
{{ a|1 }}
{{ a is 1 }}
{{ a is }}
{{ not }}
{{ a not b }}
{{ a and }}
{{ a == }}
{{ a = b }}
{{ a := b }}
{{ a & b }}
{{ a ! b }}
{{ a ; b }}
{{ ` }}
{{ 1a }}
{{ 0777 }}
{{ 1__0 }}
{{ 1.e }}
{{ lambda x: x }}
{{ [x for x in l] }}
{{ x.1a }}
{{ x.'a' }}
{% do l %}
{% trans %}x{% endtrans %}
{% debug %}
{% while 1 %}
{% if n %}x{% end %}
{% unknown n %}{% endunknown %}
{%
{{
{% if n
%}{{ n.x.y }}{% endif %}
""".strip("\n").split("\n")

MULTI = [
    "a  {% block a %}\n  b\n{% endblock a %}\n", "{% set a | indent(2) %}x\ny{% endset %}{{ a }}", "{% filter indent(2, first=true) %}a\nb{% endfilter %}",
    "c {# multi\nline {{ x }} #}d", "{{ 'a\\\nb' }}",
    "{% if yes %}{% generation %}a{{ n }}{% endgeneration %}{% endif %}{% for p in people %}{{ p.role }}: {% generation %}{{ p.name }}\n{% endgeneration %}{% endfor %}",
    "{% for x in [[1], 2] recursive %}\n  {% if x is iterable %}\n{{ loop(x) }}\n  {% else %}\n- {{ x }}\n  {% endif %}\n{% endfor %}\nend\n",
    "{% block title %}\n  {{ n }}\n{% endblock title %}\n\n{% block other scoped %}\n{% endblock %}\ntail",
    "{% for x in [1] recursive %}\n\n{{ loop(missing.y) }}\n{% endfor %}",
    "{% macro m(a,\n b=2) %}\n{{ a }}\n{{ b }}\n{% endmacro %}\n{{ m(\n1,\nb=3\n) }}\n",
    "{{ {\n'a': 1,\n'b': [\n1, 2]\n} }}\n{{ missing.x }}",
    "{{\nn\n}}\n{%\nif yes\n%}\n  x\n{%\nendif\n%}\n",
    "{%- if yes %}\n  {%- for x in l %}\n    {{- x }}\n  {%- endfor %}\n{%- endif %}\n",
    "{%- for m in people %}\n{{- '<|' ~ m.role ~ '|>\\n' }}\n{{- m.name | trim }}\n{%- if not loop.last %}{{ '\\n' }}{% endif %}\n{%- endfor %}\n",
    "{% set ns = namespace(i=0) %}\n{% for p in people %}\n    {% if p.role == 'user' %}\n        {% set ns.i = ns.i + 1 %}\n    {% endif %}\n{% endfor %}\n{{ ns.i }}\n",
    "{% call(x) m() %}\n{{ x.y.z }}\n{% endcall %}{% macro m() %}{{ caller(1) }}{% endmacro %}",
    "{% macro m() %}\n{{ caller(1) }}\n{% endmacro %}\n{% call(x) m() %}\n{{ x }}\n{{ x.y.z }}\n{% endcall %}\n",
    "a\n\n\n{{ raise_exception('line four') }}",
    "{% if yes %}\n\n  {{ 1 / 0 }}\n{% endif %}",
    "{% set a %}\n\n{{ n }}\n{% endset %}\n[{{ a }}]\n",
    "  {# c #}\n  {#- d -#}\n  e\n{# f #}  g\n",
    "\t{%- if yes -%}\n\t\tx\n\t{%- endif +%}\n\ty\n",
    "x\r\n  {% if yes %}\r\n y\r\n  {% endif %}\r\nz\r\n",
    "{{ n }}\n\n\n", "\n\n{{ n }}\n", "{% if yes %}a{% endif %}\n", "{% if yes %}a{% endif %}\n\n", "\n{% if no %}x{% endif %}\n\ny",
    "{% extends 'base' %}", "a\n{% include 'x' %}", "\n{% import 'x' as y %}", "{% from 'x' import y %}",
]
