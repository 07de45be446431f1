package io.lattice.cp.document;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.manifest.Sha256;
import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.TenantDocument;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// All documents of a control plane, read, and free of contradictions. Immutable.
public final class ManifestDocuments {
    /// What the keys of documents begin with.
    public static final String PREFIX = "/clustor/v1/";

    static final String TENANTS = PREFIX + "tenants/";
    static final String GROUPS = PREFIX + "groups/";

    /// Further documents aren't looked at.
    private static final int DOCUMENTS_MAX = 100_000;

    private static final int DOCUMENT_BYTES_MAX = 1 << 20;

    private final SortedMap<String, TenantDocument> tenants;
    private final SortedMap<String, GroupDocument> groups;
    private final String digest;

    private ManifestDocuments(
            SortedMap<String, TenantDocument> tenants, SortedMap<String, GroupDocument> groups) {
        this.tenants = Collections.unmodifiableSortedMap(tenants);
        this.groups = Collections.unmodifiableSortedMap(groups);
        this.digest = digest(canonical());
    }

    /// What became of documents.
    public sealed interface Outcome {
        /// They are good.
        record Good(ManifestDocuments documents) implements Outcome {}

        /// They are refused whole.
        ///
        /// @param problems all of them; never empty
        record Refused(List<Problem> problems) implements Outcome {
            public Refused {
                problems = List.copyOf(problems);
            }
        }
    }

    /// Reads documents by their keys, and checks each of them and all together.
    ///
    /// @param values every key under [#PREFIX]
    public static Outcome parse(Map<String, ByteString> values) {
        List<Problem> problems = new ArrayList<>();
        SortedMap<String, TenantDocument> tenants = new TreeMap<>();
        SortedMap<String, GroupDocument> groups = new TreeMap<>();
        if (values.size() > DOCUMENTS_MAX) {
            return new Outcome.Refused(
                    List.of(
                            new Problem(
                                    PREFIX,
                                    "",
                                    values.size() + " keys",
                                    "at most " + DOCUMENTS_MAX)));
        }
        new TreeMap<>(values)
                .forEach((key, value) -> {
                    String json = text(key, value, problems);
                    if (key.startsWith(TENANTS)) {
                        TenantDocument.Builder tenant = TenantDocument.newBuilder();
                        read(key, json, tenant, problems);
                        tenants.put(key.substring(TENANTS.length()), tenant.build());
                    } else if (key.startsWith(GROUPS)) {
                        GroupDocument.Builder group = GroupDocument.newBuilder();
                        read(key, json, group, problems);
                        groups.put(key.substring(GROUPS.length()), group.build());
                    } else {
                        problems.add(
                                new Problem(
                                        key,
                                        "",
                                        "a key of an unknown kind",
                                        TENANTS + "<tenant> and " + GROUPS + "<group>"));
                    }
                });
        return check(tenants, groups, problems);
    }

    private static @Nullable String text(String key, ByteString value, List<Problem> problems) {
        if (value.size() > DOCUMENT_BYTES_MAX) {
            problems.add(
                    new Problem(key, "", value.size() + " bytes", "at most " + DOCUMENT_BYTES_MAX));
            return null;
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(value.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            problems.add(new Problem(key, "", "text that isn't UTF-8", "JSON in UTF-8"));
            return null;
        }
    }

    private static void read(
            String key, @Nullable String json, Message.Builder target, List<Problem> problems) {
        if (json != null) {
            JsonDocument.read(
                    json,
                    target,
                    (field, found, allowed) ->
                            problems.add(new Problem(key, field, found, allowed)));
        }
    }

    /// Makes documents of messages that were read otherwise.
    ///
    /// @param problems found so far
    static Outcome check(
            Map<String, TenantDocument> tenants,
            Map<String, GroupDocument> groups,
            List<Problem> problems) {
        List<Problem> all = new ArrayList<>(problems);
        SortedMap<String, TenantDocument> ordered = new TreeMap<>();
        tenants.forEach((name, document) -> ordered.put(name, DocumentOrder.of(document)));
        SortedMap<String, GroupDocument> orderedGroups = new TreeMap<>();
        groups.forEach((name, document) -> orderedGroups.put(name, DocumentOrder.of(document)));
        all.addAll(DocumentRules.check(ordered, orderedGroups));
        return all.isEmpty()
                ? new Outcome.Good(new ManifestDocuments(ordered, orderedGroups))
                : new Outcome.Refused(all);
    }

    /// Tenants by name.
    public SortedMap<String, TenantDocument> tenants() {
        return tenants;
    }

    /// Groups by name.
    public SortedMap<String, GroupDocument> groups() {
        return groups;
    }

    /// SHA-256 over all documents in the order of their keys: for each its key, a space, its canonical JSON, and a line feed.
    /// Spelling, white space and the order of lists don't matter.
    public String digest() {
        return digest;
    }

    /// The documents by their keys, as JSON in its canonical form.
    public SortedMap<String, String> canonical() {
        SortedMap<String, String> values = new TreeMap<>();
        json().forEach((key, document) -> values.put(key, document.toString()));
        return values;
    }

    /// One document in its canonical form; null if it can't be read.
    static @Nullable JsonObject canonical(String key, ByteString value) {
        List<Problem> problems = new ArrayList<>();
        String json = text(key, value, problems);
        TenantDocument.Builder tenant = TenantDocument.newBuilder();
        GroupDocument.Builder group = GroupDocument.newBuilder();
        boolean ofTenant = key.startsWith(TENANTS);
        read(key, json, ofTenant ? tenant : group, problems);
        if (!problems.isEmpty() || (!ofTenant && !key.startsWith(GROUPS))) {
            return null;
        }
        return CanonicalJson.of(
                ofTenant ? DocumentOrder.of(tenant.build()) : DocumentOrder.of(group.build()));
    }

    /// Keys of documents on which others rest: a tenant on that of its group, and all on one group at all.
    ///
    /// @param keys of those others
    public SortedSet<String> neededBy(Collection<String> keys) {
        SortedSet<String> needed = new TreeSet<>();
        needed.add(GROUPS + groups.firstKey());
        for (String key : keys) {
            if (key.startsWith(TENANTS)) {
                TenantDocument tenant = tenants.get(key.substring(TENANTS.length()));
                if (tenant != null) {
                    needed.add(GROUPS + tenant.getGroup());
                }
            }
        }
        return needed;
    }

    SortedMap<String, JsonObject> json() {
        SortedMap<String, JsonObject> values = new TreeMap<>();
        tenants.forEach((name, document) -> values.put(TENANTS + name, CanonicalJson.of(document)));
        groups.forEach((name, document) -> values.put(GROUPS + name, CanonicalJson.of(document)));
        return values;
    }

    /// All documents as one file: what [ManifestFiles] reads.
    public String file() {
        JsonObject file = new JsonObject();
        JsonObject allGroups = new JsonObject();
        groups.forEach((name, document) -> allGroups.add(name, CanonicalJson.of(document)));
        JsonObject allTenants = new JsonObject();
        tenants.forEach((name, document) -> allTenants.add(name, CanonicalJson.of(document)));
        file.add(ManifestFiles.GROUPS, allGroups);
        file.add(ManifestFiles.TENANTS, allTenants);
        return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(file);
    }

    /// The manifest that these documents make on a node.
    ///
    /// @param defaults what the node's configuration says where a document says nothing
    public Manifest manifest(TenantDefaults defaults) {
        return ManifestBuilder.build(this, defaults);
    }

    private static String digest(SortedMap<String, String> canonical) {
        StringBuilder text = new StringBuilder();
        canonical.forEach((key, json) -> text.append(key).append(' ').append(json).append('\n'));
        return Sha256.tagged(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    /// Documents are equal if they say the same.
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ManifestDocuments documents
                && documents.tenants.equals(tenants)
                && documents.groups.equals(groups);
    }

    @Override
    public int hashCode() {
        return digest.hashCode();
    }

    @Override
    public String toString() {
        return digest;
    }
}
