"""The chat template: ChatML, tools and calls as Hermes and Qwen2.5 have them."""

# Of a tool only its name, its description and the names and types of its parameters (or the values they may have) are shown:
# a model this small would make nothing of more, and a thousand positions are few.
CHAT_TEMPLATE = """\
{%- macro offer(function) -%}
{"name": {{ function.name | tojson }}
{%- if function.description %}, "description": {{ function.description | tojson }}{% endif %}, "parameters": {
{%- set parameters = function.parameters if function.parameters is mapping else {} -%}
{%- set properties = parameters['properties'] if parameters['properties'] is mapping else {} -%}
{%- for name, schema in properties | items -%}
{{ '' if loop.first else ', ' }}{{ name | tojson }}: {% if schema is mapping and schema['enum'] %}{{ schema['enum'] | tojson }}
{%- elif schema is mapping and schema['type'] %}{{ schema['type'] | tojson }}{% else %}"any"{% endif %}
{%- endfor -%}
{{ '}' }}{{ '}' }}
{%- endmacro -%}
{%- set system = messages[0].content if messages and messages[0].role == 'system' else '' -%}
{%- if system or tools -%}
{{ '<|im_start|>system\\n' + system }}
{%- if tools -%}
{{ '\\n\\n' if system else '' }}{{ '<tools>\\n' }}
{%- for tool in tools -%}
{{ offer(tool.function if tool.function else tool) }}{{ '\\n' }}
{%- endfor -%}
{{ '</tools>' }}
{%- endif -%}
{{ '<|im_end|>\\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'tool' -%}
{{ '\\n' if not loop.first and messages[loop.index0 - 1].role == 'tool' else '<|im_start|>user\\n' }}
{{- '<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{{- '' if not loop.last and messages[loop.index0 + 1].role == 'tool' else '<|im_end|>\\n' }}
{%- elif message.tool_calls -%}
{{ '<|im_start|>assistant\\n' }}{{ message.content + '\\n' if message.content else '' }}
{%- for call in message.tool_calls -%}
{%- set function = call.function if call.function else call -%}
{{ '' if loop.first else '\\n' }}{{ '<tool_call>\\n{"name": ' }}{{ function.name | tojson }}, "arguments": {{ function.arguments | tojson }}{{ '}\\n</tool_call>' }}
{%- endfor -%}
{{ '<|im_end|>\\n' }}
{%- elif not (loop.first and message.role == 'system') -%}
{{ '<|im_start|>' + message.role + '\\n' + (message.content or '') + '<|im_end|>\\n' }}
{%- endif -%}
{%- endfor -%}
{{ '<|im_start|>assistant\\n' if add_generation_prompt else '' }}"""
