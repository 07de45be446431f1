package io.lattice.cp.document;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.List;

/// A document as JSON in one form only: fields in the order of their numbers, by their JSON names, absent ones left out, whole
/// numbers as numbers. Anything that reads protobuf JSON reads it.
final class CanonicalJson {
    private CanonicalJson() {}

    static JsonObject of(Message message) {
        JsonObject object = new JsonObject();
        for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
            if (field.isRepeated()) {
                List<?> values = (List<?>) message.getField(field);
                if (!values.isEmpty()) {
                    JsonArray array = new JsonArray();
                    values.forEach(value -> array.add(element(value)));
                    object.add(field.getJsonName(), array);
                }
            } else if (message.hasField(field)) {
                object.add(field.getJsonName(), element(message.getField(field)));
            }
        }
        return object;
    }

    private static JsonElement element(Object value) {
        return switch (value) {
            case Message message -> of(message);
            case EnumValueDescriptor constant -> new JsonPrimitive(constant.getName());
            case Long number -> new JsonPrimitive(number);
            case Boolean bool -> new JsonPrimitive(bool);
            case String text -> new JsonPrimitive(text);
            default -> throw new IllegalStateException("documents have no value like " + value);
        };
    }
}
