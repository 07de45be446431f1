package io.lattice.gateway.config;

import io.lattice.gateway.config.ConfigException.Problem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tomlj.TomlArray;
import org.tomlj.TomlTable;

/// What the sources say about each key, later sources replacing earlier ones, and the problems found
/// on the way. Used by the one thread that loads the configuration.
final class Settings {
    /// Where a value or a problem stands. Problems are listed by `order`, then by `line`.
    ///
    /// @param order 0 for the file, 1 for the environment, 2 for the command line
    /// @param line in the file, counted from 1; 0 elsewhere
    /// @param base what a relative path is relative to
    record Place(int order, String text, int line, Path base) {
        @Override
        public String toString() {
            return line > 0 ? text + ":" + line : text;
        }
    }

    private record Raw(Object toml, Place place) {}

    private record Located(Place place, Problem problem) {}

    private final Map<String, Raw> raw = new HashMap<>();
    private final Map<String, Place> sections = new HashMap<>();
    private final Set<String> tenants = new LinkedHashSet<>();
    private final List<Located> located = new ArrayList<>();
    private final Set<String> broken = new HashSet<>();
    private final Place fallback;

    /// Starts without any value.
    ///
    /// @param fallback the place of a section that no source mentions
    Settings(Place fallback) {
        this.fallback = fallback;
    }

    void put(ConfigKey<?> key, Object toml, Place place) {
        raw.put(key.name(), new Raw(toml, place));
    }

    void section(String name, Place place) {
        sections.put(name, place);
    }

    /// Notes that there is a tenant of that name.
    void tenant(String name) {
        tenants.add(name);
    }

    /// The names of all tenants that have a table, in their order.
    Set<String> tenants() {
        return tenants;
    }

    boolean has(ConfigKey<?> key) {
        return raw.containsKey(key.name());
    }

    /// The key's value, or else its default; null if it has neither. A value that isn't allowed, or a
    /// required one that is absent, becomes a problem, and the key counts as broken.
    <T> @Nullable T get(ConfigKey<T> key) {
        Raw given = raw.get(key.name());
        if (given == null) {
            if (key.required()) {
                report(key, "nothing", key.type().allowed() + " (required)");
            }
            return key.defaultValue();
        }
        T value = key.type().parser().apply(given.toml());
        if (value == null) {
            report(key, render(given.toml()), key.type().allowed());
            return key.defaultValue();
        }
        return value;
    }

    /// As [#get(ConfigKey)], for a key that has a default.
    <T> T getOrDefault(ConfigKey<T> key) {
        T value = get(key);
        if (value == null) {
            throw new IllegalStateException(key.name() + " has no default");
        }
        return value;
    }

    /// A path, made absolute by the directory of the file that names it.
    @Nullable Path getPath(ConfigKey<Path> key) {
        Path path = get(key);
        return path == null ? null : place(key).base().resolve(path).normalize();
    }

    /// Reports what is wrong with a key and marks the key as broken.
    void report(ConfigKey<?> key, String found, String allowed) {
        broken.add(key.name());
        report(place(key), key.name(), found, allowed);
    }

    void report(Place place, String key, String found, String allowed) {
        located.add(new Located(place, new Problem(place.toString(), key, found, allowed)));
    }

    boolean isBroken(ConfigKey<?> key) {
        return broken.contains(key.name());
    }

    /// All problems in the order of their places, each once.
    List<Problem> problems() {
        return located.stream()
                .sorted(
                        Comparator.<Located>comparingInt(item -> item.place().order())
                                .thenComparingInt(item -> item.place().line()))
                .map(Located::problem)
                .distinct()
                .toList();
    }

    /// Where the key is given, or else the section that it would stand in.
    private Place place(ConfigKey<?> key) {
        Raw given = raw.get(key.name());
        return given != null ? given.place() : sections.getOrDefault(key.section(), fallback);
    }

    /// A TOML value as it is shown in messages.
    static String render(Object toml) {
        return switch (toml) {
            case String text -> ValueType.quote(text);
            case TomlArray array ->
                    array.toList().stream()
                            .map(Settings::render)
                            .collect(Collectors.joining(", ", "[", "]"));
            case TomlTable _ -> "a table";
            default -> toml.toString();
        };
    }
}
