# SPDX-License-Identifier: MIT
"""schema.py - is this what a JSON Schema says?

As much of JSON Schema (2020-12) as docs/stream.schema.json uses, and no more:
a keyword that is not known here is an error, not a shrug.
"""

TYPES = {
    'object': lambda v: isinstance(v, dict),
    'array': lambda v: isinstance(v, list),
    'string': lambda v: isinstance(v, str),
    'boolean': lambda v: isinstance(v, bool),
    'null': lambda v: v is None,
    'integer': lambda v: isinstance(v, int) and not isinstance(v, bool),
}
REMARKS = {'$schema', '$id', 'title', 'description', '$defs'}
KNOWN = REMARKS | {'type', 'const', 'enum', 'minimum', 'maximum', 'oneOf',
                   'required', 'properties', 'additionalProperties', 'items',
                   'minItems', 'maxItems', '$ref', 'multipleOf'}


def fault(value, schema, root):
    """None, or what is wrong with VALUE."""
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError(f'this checker does not know {sorted(unknown)}')
    if '$ref' in schema:
        name = schema['$ref'].removeprefix('#/$defs/')
        return fault(value, root['$defs'][name], root)
    if 'oneOf' in schema:
        faults = [fault(value, one, root) for one in schema['oneOf']]
        if faults.count(None) != 1:
            return f'{faults.count(None)} of the forms match: {faults[:3]}'
    if 'type' in schema:
        names = schema['type']
        names = names if isinstance(names, list) else [names]
        if not any(TYPES[name](value) for name in names):
            return f'{value!r} is no {" or ".join(names)}'
    if 'const' in schema and value != schema['const']:
        return f'{value!r} is not {schema["const"]!r}'
    if 'enum' in schema and value not in schema['enum']:
        return f'{value!r} is not among {schema["enum"]}'
    if value is not None and not isinstance(value, (dict, list, str)):
        if value < schema.get('minimum', value):
            return f'{value} is below {schema["minimum"]}'
        if value > schema.get('maximum', value):
            return f'{value} is above {schema["maximum"]}'
        if value % schema.get('multipleOf', 1):
            return f'{value} is no multiple of {schema["multipleOf"]}'
    if isinstance(value, dict):
        fields = schema.get('properties', {})
        for name in schema.get('required', ()):
            if name not in value:
                return f'there is no {name}'
        for name, item in value.items():
            if name in fields:
                wrong = fault(item, fields[name], root)
                if wrong:
                    return f'{name}: {wrong}'
            elif schema.get('additionalProperties') is False:
                return f'{name} should not be there'
    if isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get(
                'maxItems', len(value)):
            return f'it has {len(value)} items'
        for item in value:
            wrong = fault(item, schema.get('items', {}), root)
            if wrong:
                return wrong
    return None
