package io.lattice.cp.document;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// What has to be put and deleted to get from one manifest to another.
///
/// @param put new values by key, as canonical JSON
/// @param deleted keys
/// @param lines the same for people, field by field
public record ManifestDifference(
        SortedMap<String, String> put, List<String> deleted, List<String> lines) {
    public ManifestDifference {
        put = new TreeMap<>(put);
        deleted = List.copyOf(deleted);
        lines = List.copyOf(lines);
    }

    /// Compares what a control plane has with documents.
    ///
    /// @param before every key under the prefix, with whatever it holds
    public static ManifestDifference between(
            Map<String, ByteString> before, ManifestDocuments after) {
        SortedMap<String, JsonObject> updated = after.json();
        SortedMap<String, String> put = new TreeMap<>();
        List<String> deleted = new ArrayList<>();
        List<String> lines = new ArrayList<>();
        TreeSet<String> keys = new TreeSet<>(before.keySet());
        keys.addAll(updated.keySet());
        for (String key : keys) {
            ByteString value = before.get(key);
            JsonObject from = value == null ? null : ManifestDocuments.canonical(key, value);
            JsonObject to = updated.get(key);
            if (to == null) {
                deleted.add(key);
                lines.add("- " + key);
            } else if (from == null) {
                put.put(key, to.toString());
                lines.add(
                        value == null ? "+ " + key : "~ " + key + " (what is there can't be read)");
                flat(to).forEach((path, field) -> lines.add("    " + path + ": " + field));
            } else if (!from.equals(to)) {
                put.put(key, to.toString());
                lines.add("~ " + key);
                fields(flat(from), flat(to), lines);
            }
        }
        return new ManifestDifference(put, deleted, lines);
    }

    /// Whether there is nothing to do.
    public boolean isEmpty() {
        return put.isEmpty() && deleted.isEmpty();
    }

    private static void fields(
            Map<String, String> from, Map<String, String> to, List<String> lines) {
        TreeSet<String> paths = new TreeSet<>(from.keySet());
        paths.addAll(to.keySet());
        for (String path : paths) {
            String before = from.getOrDefault(path, "(absent)");
            String after = to.getOrDefault(path, "(absent)");
            if (!before.equals(after)) {
                lines.add("    " + path + ": " + before + " -> " + after);
            }
        }
    }

    /// Fields by their paths; replicas go by their node ids, and other lists are values.
    private static SortedMap<String, String> flat(JsonObject document) {
        SortedMap<String, String> fields = new TreeMap<>();
        flatten("", document, fields);
        return fields;
    }

    private static void flatten(String path, JsonObject object, Map<String, String> fields) {
        for (Map.Entry<String, JsonElement> member : object.entrySet()) {
            String at = path.isEmpty() ? member.getKey() : path + "." + member.getKey();
            switch (member.getValue()) {
                case JsonObject nested -> flatten(at, nested, fields);
                case JsonArray array when !array.isEmpty() && array.get(0).isJsonObject() -> {
                    for (JsonElement element : array) {
                        JsonObject replica = element.getAsJsonObject();
                        flatten(
                                at + "[" + replica.get("nodeId").getAsString() + "]",
                                replica,
                                fields);
                    }
                }
                case JsonElement value -> fields.put(at, value.toString());
            }
        }
    }
}
