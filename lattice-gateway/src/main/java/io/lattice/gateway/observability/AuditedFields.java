package io.lattice.gateway.observability;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What of a request goes into the audit log: what it is about, by the names of fields that may be shown. Everything else is
/// left out, so that a field that is added to the API later can't give a value or a password away.
final class AuditedFields {
    private static final Set<String> SHOWN =
            Set.of(
                    "key",
                    "range_end",
                    "lease",
                    "revision",
                    "ID",
                    "TTL",
                    "name",
                    "user",
                    "role",
                    "permType",
                    "targetID",
                    "memberID",
                    "peerURLs",
                    "action",
                    "alarm",
                    "watch_id",
                    "start_revision");
    private static final int FIELDS_MAX = 32;
    private static final int DEPTH_MAX = 4;
    private static final int KEY_BYTES_MAX = 256;

    private final StringBuilder text = new StringBuilder();
    private int fields;

    private AuditedFields() {}

    /// The shown fields of a request as `key=… range_end=…`, those of a txn's operations after their names.
    static String of(Message request) {
        AuditedFields audited = new AuditedFields();
        audited.add(request, 0);
        return audited.text.toString();
    }

    private void add(Message message, int depth) {
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            List<?> values =
                    field.getValue() instanceof List<?> list ? list : List.of(field.getValue());
            for (Object value : values) {
                if (fields >= FIELDS_MAX || depth > DEPTH_MAX) {
                    append("…");
                    fields = FIELDS_MAX;
                    return;
                }
                if (value instanceof Message part) {
                    if (field.getKey().getContainingOneof() != null) {
                        append(field.getKey().getName());
                    }
                    add(part, depth + 1);
                } else if (SHOWN.contains(field.getKey().getName())) {
                    fields++;
                    append(field.getKey().getName() + "=" + shown(value));
                }
            }
        }
    }

    private void append(String word) {
        if (!text.isEmpty()) {
            text.append(' ');
        }
        text.append(word);
    }

    private static String shown(Object value) {
        return value instanceof ByteString bytes ? key(bytes) : value.toString();
    }

    /// As text if it is text, else in hexadecimal digits.
    private static String key(ByteString key) {
        ByteString start = key.substring(0, Math.min(key.size(), KEY_BYTES_MAX));
        String end = key.size() > KEY_BYTES_MAX ? "…" : "";
        try {
            String text =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(ByteBuffer.wrap(start.toByteArray()))
                            .toString();
            if (text.chars().noneMatch(Character::isISOControl)) {
                return text + end;
            }
        } catch (CharacterCodingException e) {
            // Not text: shown by its bytes below.
            return hex(start) + end;
        }
        return hex(start) + end;
    }

    private static String hex(ByteString bytes) {
        return "0x" + HexFormat.of().formatHex(bytes.toByteArray());
    }
}
