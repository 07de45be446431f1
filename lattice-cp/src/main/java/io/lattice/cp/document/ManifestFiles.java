package io.lattice.cp.document;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.TenantDocument;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Reads documents from files: JSON objects with the members `groups` and `tenants`, each an object of documents by name. Several
/// files are read as one.
public final class ManifestFiles {
    static final String GROUPS = "groups";
    static final String TENANTS = "tenants";

    private final Map<String, TenantDocument> tenants = new TreeMap<>();
    private final Map<String, GroupDocument> groups = new TreeMap<>();
    private final List<Problem> problems = new ArrayList<>();

    /// Adds a file.
    ///
    /// @param name what problems call it
    public void add(String name, String json) {
        JsonDocument.Sink sink =
                (field, found, allowed) -> problems.add(new Problem(name, field, found, allowed));
        JsonDocument.members(
                json,
                sink,
                (kind, document) -> {
                    switch (kind) {
                        case GROUPS ->
                                document.nested(
                                        kind,
                                        (group, value) -> {
                                            GroupDocument.Builder target =
                                                    GroupDocument.newBuilder();
                                            read(value, target, kind + "." + group);
                                            put(name, kind, group, groups, target.build());
                                        });
                        case TENANTS ->
                                document.nested(
                                        kind,
                                        (tenant, value) -> {
                                            TenantDocument.Builder target =
                                                    TenantDocument.newBuilder();
                                            read(value, target, kind + "." + tenant);
                                            put(name, kind, tenant, tenants, target.build());
                                        });
                        default -> {
                            sink.problem(
                                    kind, "a member that does not exist", GROUPS + ", " + TENANTS);
                            document.skip();
                        }
                    }
                });
    }

    private static void read(JsonDocument value, Message.Builder target, String path) {
        value.message(target, path);
    }

    private <T> void put(String file, String kind, String name, Map<String, T> known, T document) {
        if (known.putIfAbsent(name, document) != null) {
            problems.add(
                    new Problem(
                            file, kind + "." + name, "the document twice", "each document once"));
        }
    }

    /// The files' documents alone.
    public ManifestDocuments.Outcome alone() {
        return ManifestDocuments.check(tenants, groups, problems);
    }

    /// The files' documents in the place of those of the same keys.
    ///
    /// @param before what the control plane has, good or not: files may mend it
    /// @param prune whether documents go that the files don't have
    public ManifestDocuments.Outcome over(Map<String, ByteString> before, boolean prune) {
        if (prune || !problems.isEmpty()) {
            return alone();
        }
        Map<String, ByteString> values = new TreeMap<>(before);
        tenants.forEach(
                (name, document) -> values.put(ManifestDocuments.TENANTS + name, json(document)));
        groups.forEach(
                (name, document) -> values.put(ManifestDocuments.GROUPS + name, json(document)));
        return ManifestDocuments.parse(values);
    }

    private static ByteString json(Message document) {
        return ByteString.copyFromUtf8(CanonicalJson.of(document).toString());
    }
}
