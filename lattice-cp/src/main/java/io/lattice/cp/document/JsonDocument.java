package io.lattice.cp.document;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Reads protobuf JSON field by field, so that all that is wrong is named at once: protobuf's own reader ends at the first
/// problem and doesn't say where it is. What isn't allowed is left out of the message.
///
/// Takes what protobuf JSON takes for the kinds of fields that documents have: names in either spelling, whole numbers as
/// numbers or text, enums by name or number, and null for what is absent.
final class JsonDocument {
    private static final int NUMBER_CHARACTERS_MAX = 40;

    /// Takes a problem: the path of the field, what was found, and what is allowed.
    private final Sink sink;

    private final JsonReader reader;

    @FunctionalInterface
    interface Sink {
        void problem(String field, String found, String allowed);
    }

    private JsonDocument(JsonReader reader, Sink sink) {
        this.reader = reader;
        this.sink = sink;
    }

    /// Reads a text that is one document.
    static void read(String json, Message.Builder target, Sink sink) {
        parse(json, sink, document -> document.object(target, ""));
    }

    /// Reads an object whose members the caller knows.
    ///
    /// @param member given a member's name and a way to read its value; it must read it
    static void members(String json, Sink sink, BiConsumer<String, JsonDocument> member) {
        parse(json, sink, document -> document.members("", member));
    }

    @FunctionalInterface
    private interface Part {
        void read(JsonDocument document) throws IOException;
    }

    private static void parse(String json, Sink sink, Part part) {
        JsonReader reader = new JsonReader(new StringReader(json));
        reader.setStrictness(Strictness.STRICT);
        JsonDocument document = new JsonDocument(reader, sink);
        try {
            part.read(document);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                sink.problem("", "more text after the document", "one JSON object");
            }
        } catch (Broken e) {
            sink.problem("", e.getMessage(), "JSON");
        } catch (IOException | IllegalStateException e) {
            sink.problem("", syntax(e), "JSON");
        }
    }

    /// The first line: what follows is for programmers.
    private static String syntax(Exception e) {
        String message =
                e instanceof MalformedJsonException
                        ? String.valueOf(e.getMessage())
                        : "text that ends too early";
        return message.lines()
                .findFirst()
                .orElse("text that isn't JSON")
                .replaceFirst("^Use JsonReader.* to accept malformed", "malformed");
    }

    /// Carries a syntax error through a caller's function.
    private static final class Broken extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Broken(IOException cause) {
            super(syntax(cause), cause);
        }

        @Override
        public String getMessage() {
            return String.valueOf(super.getMessage());
        }
    }

    /// Reads the value at hand as an object of further members.
    ///
    /// @param path of the value
    void nested(String path, BiConsumer<String, JsonDocument> member) {
        try {
            members(path, member);
        } catch (IOException e) {
            throw new Broken(e);
        }
    }

    /// Reads the value at hand as a message.
    ///
    /// @param path of the value
    void message(Message.Builder target, String path) {
        try {
            object(target, path);
        } catch (IOException e) {
            throw new Broken(e);
        }
    }

    /// Passes over the value at hand.
    void skip() {
        try {
            reader.skipValue();
        } catch (IOException e) {
            throw new Broken(e);
        }
    }

    private void members(String path, BiConsumer<String, JsonDocument> member) throws IOException {
        if (!begins(JsonToken.BEGIN_OBJECT, path, "an object")) {
            return;
        }
        Map<String, String> seen = new HashMap<>();
        reader.beginObject();
        while (reader.hasNext()) {
            String name = reader.nextName();
            if (seen.put(name, name) != null) {
                sink.problem(join(path, name), "the member twice", "each member once");
                reader.skipValue();
            } else {
                member.accept(name, this);
            }
        }
        reader.endObject();
    }

    private boolean begins(JsonToken token, String path, String allowed) throws IOException {
        if (reader.peek() == token) {
            return true;
        }
        sink.problem(path, taken(), allowed);
        return false;
    }

    private void object(Message.Builder target, String path) throws IOException {
        if (!begins(
                JsonToken.BEGIN_OBJECT,
                path,
                "an object with " + names(target.getDescriptorForType().getFields()))) {
            return;
        }
        Map<FieldDescriptor, String> seen = new HashMap<>();
        reader.beginObject();
        while (reader.hasNext()) {
            String name = reader.nextName();
            FieldDescriptor field = field(target, name);
            String at = join(path, name);
            if (field == null) {
                sink.problem(
                        at,
                        "a field that does not exist",
                        names(target.getDescriptorForType().getFields()));
                reader.skipValue();
            } else if (seen.put(field, name) != null) {
                sink.problem(at, "the field twice", "each field once");
                reader.skipValue();
            } else if (reader.peek() == JsonToken.NULL) {
                reader.nextNull();
            } else if (field.isRepeated()) {
                list(target, field, at);
            } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                object(target.getFieldBuilder(field), at);
            } else {
                Object value = scalar(field, at);
                if (value != null) {
                    target.setField(field, value);
                }
            }
        }
        reader.endObject();
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private static @Nullable FieldDescriptor field(Message.Builder target, String name) {
        for (FieldDescriptor field : target.getDescriptorForType().getFields()) {
            if (field.getJsonName().equals(name) || field.getName().equals(name)) {
                return field;
            }
        }
        return null;
    }

    private static String names(List<FieldDescriptor> fields) {
        return fields.stream().map(FieldDescriptor::getJsonName).collect(Collectors.joining(", "));
    }

    private void list(Message.Builder target, FieldDescriptor field, String path)
            throws IOException {
        if (!begins(JsonToken.BEGIN_ARRAY, path, "an array")) {
            return;
        }
        reader.beginArray();
        for (int i = 0; reader.hasNext(); i++) {
            String at = path + "[" + i + "]";
            if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                Message.Builder element = target.newBuilderForField(field);
                object(element, at);
                target.addRepeatedField(field, element.build());
            } else {
                Object value = scalar(field, at);
                if (value != null) {
                    target.addRepeatedField(field, value);
                }
            }
        }
        reader.endArray();
    }

    private @Nullable Object scalar(FieldDescriptor field, String path) throws IOException {
        return switch (field.getJavaType()) {
            case STRING -> text(path);
            case BOOLEAN -> bool(path);
            case LONG -> number(path);
            case ENUM -> constant(field.getEnumType(), path);
            case INT, FLOAT, DOUBLE, BYTE_STRING, MESSAGE ->
                    throw new IllegalStateException("documents have no field like " + field);
        };
    }

    private @Nullable Object text(String path) throws IOException {
        return begins(JsonToken.STRING, path, "text") ? reader.nextString() : null;
    }

    private @Nullable Object bool(String path) throws IOException {
        return begins(JsonToken.BOOLEAN, path, "true or false") ? reader.nextBoolean() : null;
    }

    private @Nullable Object number(String path) throws IOException {
        JsonToken token = reader.peek();
        if (token == JsonToken.NUMBER || token == JsonToken.STRING) {
            String text = reader.nextString();
            Long value = wholeNumber(text);
            if (value == null) {
                sink.problem(
                        path,
                        token == JsonToken.STRING ? quote(text) : text,
                        "a whole number of at most 63 bits");
            }
            return value;
        }
        sink.problem(path, taken(), "a whole number");
        return null;
    }

    private static @Nullable Long wholeNumber(String text) {
        if (text.length() > NUMBER_CHARACTERS_MAX) {
            return null;
        }
        try {
            return new BigDecimal(text).longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            return null;
        }
    }

    private @Nullable Object constant(EnumDescriptor type, String path) throws IOException {
        JsonToken token = reader.peek();
        String allowed =
                type.getValues().stream()
                        .map(EnumValueDescriptor::getName)
                        .collect(Collectors.joining(" or "));
        if (token != JsonToken.NUMBER && token != JsonToken.STRING) {
            sink.problem(path, taken(), allowed);
            return null;
        }
        String text = reader.nextString();
        EnumValueDescriptor value = type.findValueByName(text);
        Long number = token == JsonToken.NUMBER ? wholeNumber(text) : null;
        if (value == null && number != null && number == number.intValue()) {
            value = type.findValueByNumber(number.intValue());
        }
        if (value == null) {
            sink.problem(path, token == JsonToken.STRING ? quote(text) : text, allowed);
        }
        return value;
    }

    /// Takes the value at hand, and says what it is.
    private String taken() throws IOException {
        JsonToken token = reader.peek();
        return switch (token) {
            case STRING -> quote(reader.nextString());
            case NUMBER -> reader.nextString();
            case BOOLEAN -> Boolean.toString(reader.nextBoolean());
            case NULL -> {
                reader.nextNull();
                yield "null";
            }
            case BEGIN_OBJECT -> skipped("an object");
            case BEGIN_ARRAY -> skipped("an array");
            case END_DOCUMENT -> "nothing";
            case NAME, END_OBJECT, END_ARRAY ->
                    throw new IllegalStateException("no value at " + reader.getPath());
        };
    }

    private String skipped(String what) throws IOException {
        reader.skipValue();
        return what;
    }

    static String quote(String text) {
        return "\"" + text + "\"";
    }
}
