package io.lattice.gateway.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;

/// What a key's value looks like and which values are allowed. Values from the environment and the
/// command line are text; they go through `fromText` first, so that one parser serves all sources.
///
/// @param allowed the allowed values in words, for messages
/// @param fromText a text as the TOML value it stands for; a text that stands for none is returned
///     as it is, and the parser refuses it
/// @param parser the value of a TOML value; null if it is of another type or not allowed
/// @param accepts whether a value is allowed; what the parser returns always is
/// @param <T> the type that the configuration records hold
record ValueType<T>(
        String allowed,
        Function<String, Object> fromText,
        Function<Object, @Nullable T> parser,
        Predicate<T> accepts) {

    private static final int MAX_LIST = 64;

    static ValueType<Long> integer(long min, long max) {
        Predicate<Long> inRange = value -> value >= min && value <= max;
        return new ValueType<>(
                "an integer from " + min + " to " + max,
                ValueType::integerFromText,
                toml -> toml instanceof Long value && inRange.test(value) ? value : null,
                inRange);
    }

    static ValueType<Integer> int32(int min, int max) {
        return mapped(integer(min, max), Math::toIntExact, value -> value >= min && value <= max);
    }

    static ValueType<Duration> millis(long min, long max) {
        return mapped(
                integer(min, max),
                Duration::ofMillis,
                value -> value.toMillis() >= min && value.toMillis() <= max);
    }

    static ValueType<Duration> seconds(long min, long max) {
        return mapped(
                integer(min, max),
                Duration::ofSeconds,
                value -> value.toSeconds() >= min && value.toSeconds() <= max);
    }

    static ValueType<Boolean> bool() {
        return new ValueType<>(
                "true or false",
                text ->
                        switch (text) {
                            case "true" -> true;
                            case "false" -> false;
                            default -> text;
                        },
                toml -> toml instanceof Boolean value ? value : null,
                Objects::nonNull);
    }

    /// One of an enum's constants, written as its text in lower case.
    static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
        List<E> constants = List.of(type.getEnumConstants());
        String allowed =
                constants.stream()
                        .map(constant -> quote(spelling(constant)))
                        .collect(Collectors.joining(", "));
        return string(
                allowed,
                text ->
                        constants.stream()
                                .filter(constant -> spelling(constant).equals(text))
                                .findFirst()
                                .orElse(null),
                Objects::nonNull);
    }

    /// How an enum's constant is written in the file.
    static String spelling(Enum<?> constant) {
        return constant.toString().toLowerCase(Locale.ROOT);
    }

    static ValueType<String> text(Pattern form, String allowed) {
        Predicate<String> matches = form.asMatchPredicate();
        return string(allowed, text -> matches.test(text) ? text : null, matches);
    }

    static ValueType<HostPort> hostPort() {
        return string(
                "\"host:port\" with a port from 1 to 65535", HostPort::parse, Objects::nonNull);
    }

    static ValueType<Path> path() {
        return string("a path that is not empty", ValueType::parsePath, Objects::nonNull);
    }

    static ValueType<URI> url() {
        return string(
                "\"http://host:port\" or \"https://host:port\"",
                ValueType::parseUrl,
                Objects::nonNull);
    }

    static ValueType<LatticeConfig.Peer> peer(ValueType<String> nodeId) {
        return string(
                "\"node_id=host:port\"",
                text -> {
                    int separator = text.indexOf('=');
                    if (separator < 0) {
                        return null;
                    }
                    String id = nodeId.parser().apply(text.substring(0, separator));
                    HostPort address = HostPort.parse(text.substring(separator + 1));
                    return id == null || address == null
                            ? null
                            : new LatticeConfig.Peer(id, address);
                },
                Objects::nonNull);
    }

    /// An array. As a text it is either a TOML array or the elements with commas between them.
    static <E> ValueType<List<E>> list(ValueType<E> element) {
        Predicate<List<E>> accepts =
                list -> list.size() <= MAX_LIST && list.stream().allMatch(element.accepts());
        return new ValueType<>(
                "an array of at most " + MAX_LIST + " values " + element.allowed(),
                ValueType::arrayFromText,
                toml -> {
                    if (!(toml instanceof TomlArray array)) {
                        return null;
                    }
                    List<E> values = new ArrayList<>(array.size());
                    for (Object item : array.toList()) {
                        E value = element.parser().apply(item);
                        if (value == null) {
                            return null;
                        }
                        values.add(value);
                    }
                    return accepts.test(values) ? List.copyOf(values) : null;
                },
                accepts);
    }

    private static <S, T> ValueType<T> mapped(
            ValueType<S> source, Function<S, T> mapping, Predicate<T> accepts) {
        return new ValueType<>(
                source.allowed(),
                source.fromText(),
                toml -> {
                    S value = source.parser().apply(toml);
                    return value == null ? null : mapping.apply(value);
                },
                accepts);
    }

    private static <T> ValueType<T> string(
            String allowed, Function<String, @Nullable T> parser, Predicate<T> accepts) {
        return new ValueType<>(
                allowed,
                text -> text,
                toml -> toml instanceof String text ? parser.apply(text) : null,
                accepts);
    }

    private static Object integerFromText(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException notAnInteger) {
            return text;
        }
    }

    private static Object arrayFromText(String text) {
        String array =
                text.startsWith("[")
                        ? text
                        : Arrays.stream(text.split(",", -1))
                                .map(String::strip)
                                .filter(item -> !item.isEmpty())
                                .map(ValueType::quote)
                                .collect(Collectors.joining(",", "[", "]"));
        TomlParseResult parsed = Toml.parse("value = " + array);
        TomlArray value = parsed.hasErrors() ? null : parsed.getArray("value");
        return value == null ? text : value;
    }

    private static @Nullable Path parsePath(String text) {
        if (text.isBlank()) {
            return null;
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException notAPath) {
            return null;
        }
    }

    private static @Nullable URI parseUrl(String text) {
        try {
            URI uri = new URI(text);
            boolean bare =
                    !uri.isOpaque()
                            && uri.getRawPath().isEmpty()
                            && uri.getRawQuery() == null
                            && uri.getRawFragment() == null
                            && uri.getRawUserInfo() == null;
            boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            return http && bare && uri.getHost() != null && uri.getPort() > 0 ? uri : null;
        } catch (URISyntaxException notAUrl) {
            return null;
        }
    }

    /// A text as a TOML string.
    static String quote(String text) {
        return '"' + Toml.tomlEscape(text).toString() + '"';
    }
}
