//! What the values of a column mean.

use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::schema::types::ColumnDescriptor;

/// How a stored value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number as it is stored; false is 0 and true is 1.
    Number,
    /// An integer whose bits are those of an unsigned one.
    Unsigned,
    /// An integer over a power of ten.
    Decimal {
        /// The power.
        scale: i32,
    },
    /// IEEE 754 half precision.
    Half,
    /// Text.
    Text,
    /// Nothing that a density could be fitted to; what it is, in the plural.
    Refused(&'static str),
}

impl Kind {
    /// Whether the values are numbers without being parsed.
    pub(super) fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Refused(_))
    }

    /// The kind of a column of the schema.
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        if column.max_rep_level() > 0 {
            return Self::Refused("lists");
        }
        if column.path().parts().len() > 1 {
            return Self::Refused("parts of a structure");
        }
        let (logical, converted) = (column.logical_type_ref(), column.converted_type());
        match (logical, converted) {
            (Some(LogicalType::Timestamp(_)), _)
            | (_, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => {
                return Self::Refused("timestamps");
            }
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => {
                return Self::Refused("dates");
            }
            (Some(LogicalType::Time(_)), _)
            | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
                return Self::Refused("times of day");
            }
            (_, ConvertedType::INTERVAL) => return Self::Refused("intervals of time"),
            (Some(LogicalType::Decimal(_)), _) | (_, ConvertedType::DECIMAL) => {
                return if column.type_precision() <= DECIMAL_DIGITS {
                    Self::Decimal {
                        scale: column.type_scale(),
                    }
                } else {
                    Self::Refused("decimals of more than 38 digits")
                };
            }
            _ => {}
        }
        let unsigned = matches!(logical, Some(LogicalType::Integer(int)) if !int.is_signed)
            || matches!(
                converted,
                ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64
            );
        match column.physical_type() {
            Type::BOOLEAN | Type::FLOAT | Type::DOUBLE => Self::Number,
            Type::INT32 | Type::INT64 if unsigned => Self::Unsigned,
            Type::INT32 | Type::INT64 => Self::Number,
            Type::INT96 => Self::Refused("timestamps"),
            Type::BYTE_ARRAY => match logical {
                None
                | Some(
                    LogicalType::String | LogicalType::Enum | LogicalType::Json | LogicalType::Bson,
                ) => Self::Text,
                Some(_) => Self::Refused("values of a special type"),
            },
            Type::FIXED_LEN_BYTE_ARRAY => match logical {
                Some(LogicalType::Float16) if column.type_length() == 2 => Self::Half,
                _ => Self::Refused("bytes of fixed length"),
            },
        }
    }
}

/// Digits of the largest decimals that 128 bits hold.
const DECIMAL_DIGITS: i32 = 38;
