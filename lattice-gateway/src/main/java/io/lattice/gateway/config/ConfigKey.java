package io.lattice.gateway.config;

import org.jspecify.annotations.Nullable;

/// One key of the configuration.
///
/// @param name the dotted name, such as `listeners.grpc.bind`
/// @param defaultValue the value when the key is absent; null if there is none, because the key is
///     required, or optional, or derived from other keys
/// @param required whether the key must be given
record ConfigKey<T>(String name, ValueType<T> type, @Nullable T defaultValue, boolean required) {

    static <T> ConfigKey<T> withDefault(String name, ValueType<T> type, T defaultValue) {
        return new ConfigKey<>(name, type, defaultValue, false);
    }

    static <T> ConfigKey<T> required(String name, ValueType<T> type) {
        return new ConfigKey<>(name, type, null, true);
    }

    static <T> ConfigKey<T> optional(String name, ValueType<T> type) {
        return new ConfigKey<>(name, type, null, false);
    }

    /// The section's name: all but the last part.
    String section() {
        return name.substring(0, name.lastIndexOf('.'));
    }

    /// Returns the value.
    ///
    /// @throws IllegalArgumentException if it is out of the key's range
    T require(T value) {
        if (!type.accepts().test(value)) {
            throw new IllegalArgumentException(
                    name + ": found " + value + "; allowed " + type.allowed());
        }
        return value;
    }
}
