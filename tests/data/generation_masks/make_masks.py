"""What Transformers trains of conversations whose template has generation blocks: return_assistant_tokens_mask.
usage: make_masks.py TOKENIZER.json OUT.json"""
import json
import sys

import transformers

TEMPLATES = {
    "chatml": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}"
              "{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
              "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    # The system text stands in the last user turn, so that no rendering is the prefix of another.
    "moves": "{% for m in messages if m.role != 'system' %}{% if m.role == 'user' %}[{% if loop.last or loop.index0 >= "
             "messages|length - 3 %}{{ messages[0].content if messages[0].role == 'system' }} {% endif %}{{ m.content }}]"
             "{% else %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% endif %}{% endfor %}",
    # Only what a reply says is the model's, not its reasoning.
    "last_line": "{% for m in messages %}<|im_start|>{{ m.role }}:{% if m.role == 'assistant' %}{% set parts = "
                 "m.content.split('|') %}{{ parts[:-1]|join('|') }}|{% generation %}{{ parts[-1] }}<|im_end|>"
                 "{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}",
}
U, A, S = (lambda c, r=r: {"role": r, "content": c} for r in ("user", "assistant", "system"))
CONVERSATIONS = [
    [U("Where is my order?"), A("On its way.")],
    [S("Be kind."), U("Hi"), A("Hello!"), U("Card charged twice: 12 & fees"), A("Refunded.\n\nAnything else?")],
    [U("Wie geht's?"), A("Schön — gut, danke 🙂"), U("日本語?"), A("はい"), U("x"), A("é")],
    [A("Welcome"), U("a"), A("b|c"), U("and then")],
]

tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=sys.argv[1])
cases = []
for name, template in TEMPLATES.items():
    for messages in CONVERSATIONS:
        out = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True,
                                            return_assistant_tokens_mask=True)
        cases.append({"template": name, "messages": messages, "ids": out["input_ids"], "mask": out["assistant_masks"]})
with open(sys.argv[2], "w") as file:
    json.dump({"source": f"transformers {transformers.__version__}", "templates": TEMPLATES, "cases": cases}, file,
              ensure_ascii=False)
