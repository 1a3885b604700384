//! Class descriptors: specification sections 4.3 and 6.4, `classDesc`.

use super::object::FEW;
use super::*;
use crate::codec::mutf8;

impl Decoder {
    /// `classDesc`: a new descriptor, one seen before, or none.
    pub(super) fn class_descriptor(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        match input.u8()? {
            TC_NULL => Ok(self.deliver(Item::Null)?),
            TC_REFERENCE => {
                let handle = input.i32()?;
                match self.resolve(handle)? {
                    item @ Item::Class(_) => Ok(self.deliver(item)?),
                    _ => Err(DecodeError::Handle {
                        handle: handle as u32,
                        expected: "a class",
                    }
                    .into()),
                }
            }
            TC_CLASSDESC => self.new_class(input),
            TC_PROXYCLASSDESC => self.new_proxy_class(input),
            TC_EXCEPTION => Ok(self.exception()?),
            found => Err(self.unexpected(found, "a class descriptor")),
        }
    }

    pub(super) fn resolve(&self, handle: i32) -> Result<Item, DecodeError> {
        let index = (handle as u32)
            .checked_sub(BASE_HANDLE)
            .map(|index| index as usize);
        let item = index.and_then(|index| self.handles.get(index));
        item.copied().ok_or(DecodeError::Handle {
            handle: handle as u32,
            expected: "anything",
        })
    }

    /// `TC_CLASSDESC className serialVersionUID newHandle flags fieldCount`: the fields follow one by one.
    pub(super) fn new_class(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        let name = input.utf()?;
        let _version = input.i64()?;
        let flags = input.u8()?;
        let left = input.u16()?;
        super::within("fields of a class", usize::from(left), self.limits.fields)?;
        let class = self.add_class(name, flags, usize::from(left))?;
        if flags & SC_SERIALIZABLE != 0 && flags & SC_EXTERNALIZABLE != 0 {
            return Err(self
                .class_problem(class, "is serializable and externalizable")
                .into());
        }
        Ok(self.push(Frame::Fields { class, left })?)
    }

    /// `TC_PROXYCLASSDESC newHandle count interfaces`: a class without fields.
    pub(super) fn new_proxy_class(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        let left = self.claim(
            "interfaces of a proxy",
            i64::from(input.i32()?),
            self.limits.fields,
            2,
        )?;
        let class = self.add_class(b"$Proxy", SC_SERIALIZABLE, 0)?;
        Ok(self.push(Frame::Interfaces { class, left })?)
    }

    /// One name of a proxy's interfaces; nobody needs it.
    pub(super) fn interface(
        &mut self,
        input: &mut Input<'_>,
        class: ClassId,
        left: usize,
    ) -> Result<(), Stop> {
        let Some(left) = left.checked_sub(1) else {
            self.replace(Frame::Fields { class, left: 0 });
            return Ok(());
        };
        mutf8::decode(input.utf()?)?;
        self.replace(Frame::Interfaces { class, left });
        Ok(())
    }

    fn add_class(&mut self, name: &[u8], flags: u8, fields: usize) -> Result<ClassId, DecodeError> {
        let name = mutf8::decode(name)?;
        self.charge(size_of::<Class>() + name.len())?;
        let id = ClassId(u32::try_from(self.graph.classes.len()).unwrap_or(u32::MAX));
        self.add_handle(Item::Class(id))?;
        self.graph.classes.push(Class {
            name,
            flags,
            fields: Vec::with_capacity(fields.min(FEW)),
            chain: Vec::new(),
        });
        Ok(id)
    }

    /// `fieldDesc`: type code, name, and for objects and arrays a string object with the type. The last field is
    /// followed by the annotation and the super class.
    pub(super) fn field_descriptor(
        &mut self,
        input: &mut Input<'_>,
        class: ClassId,
        left: u16,
    ) -> Result<(), Stop> {
        let Some(left) = left.checked_sub(1) else {
            self.replace(Frame::Super { class });
            return Ok(self.push(Frame::Annotation)?);
        };
        let code = input.u8()?;
        if !b"BCDFIJSZ[L".contains(&code) {
            return Err(self.unexpected(code, "the type of a field"));
        }
        let name = mutf8::decode(input.utf()?)?;
        self.charge(size_of::<(u8, std::sync::Arc<str>)>() + name.len())?;
        if let Some(class) = self.graph.classes.get_mut(class.0 as usize) {
            class.fields.push((code, name));
        }
        self.replace(Frame::Fields { class, left });
        if matches!(code, b'[' | b'L') {
            self.push(Frame::TypeName)?;
        }
        Ok(())
    }

    /// The super class is known, and with it the class is complete. A super class that is not complete itself would
    /// close a circle.
    pub(super) fn class_complete(
        &mut self,
        class: ClassId,
        parent: Item,
    ) -> Result<(), DecodeError> {
        let parents = match parent {
            Item::Class(parent) => self.class(parent)?.chain.as_slice(),
            _ => &[],
        };
        if parents.is_empty() && matches!(parent, Item::Class(_)) {
            return Err(self.class_problem(class, "is its own super class"));
        }
        let mut chain = Vec::with_capacity(parents.len() + 1);
        chain.extend_from_slice(parents);
        chain.push(class);
        within("super classes", chain.len(), self.limits.superclasses)?;
        self.charge(chain.len() * size_of::<ClassId>())?;
        if let Some(class) = self.graph.classes.get_mut(class.0 as usize) {
            class.chain = chain;
        }
        self.stack.pop();
        self.deliver(Item::Class(class))
    }

    pub(super) fn class_problem(&self, class: ClassId, problem: &'static str) -> DecodeError {
        DecodeError::Class {
            class: self.graph.class_name(class).to_string(),
            problem,
        }
    }
}
