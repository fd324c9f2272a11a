/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pc board for ACPI (ACPI 2.0). The board replaces the values of P32L,
 * P6xx and HAVE (hw/x86/pc_acpi.c), so these keep values that need all their
 * bytes. No 64-bit constants: SeaBIOS stops reading at one.
 */
DefinitionBlock ("", "DSDT", 2, "REPRIS", "REPRPC  ", 1)
{
    Name (P32L, 0x11111111)         // first byte of the 32-bit PCI window
    Name (P6LL, 0x11111111)         // 64-bit window: first byte, low and high
    Name (P6LH, 0x11111111)
    Name (P6HL, 0x11111111)         // and last byte; 0: there is none
    Name (P6HH, 0x11111111)
    Name (HAVE, 0x11111111)         // bits 0-3: COM1-4, 8: HPET

    Name (\_S5, Package () { 0, 0, 0, 0 })

    Method (HAS, 1)
    {
        If (HAVE & Arg0)
        {
            Return (0x0f)
        }
        Return (0)
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)

            Name (RES, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0, 0xff, 0, 0x100)
                IO (Decode16, 0xcf8, 0xcf8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    EntireRange, 0, 0, 0xcf7, 0, 0xcf8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    EntireRange, 0, 0xd00, 0xffff, 0, 0xf300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
                    Cacheable, ReadWrite, 0, 0xa0000, 0xbffff, 0, 0x20000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
                    NonCacheable, ReadWrite, 0, 0xe0000000, 0xfebfffff, 0,
                    0x1ec00000,,, W32)
            })
            Name (RS64, ResourceTemplate ()
            {
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
                    Cacheable, ReadWrite, 0, 0x8000000000, 0x87ffffffff, 0,
                    0x800000000,,, W64)
            })

            Method (_CRS, 0, Serialized)
            {
                CreateDWordField (RES, \_SB.PCI0.W32._MIN, LOW)
                CreateDWordField (RES, \_SB.PCI0.W32._MAX, TOP)
                CreateDWordField (RES, \_SB.PCI0.W32._LEN, LEN)
                LOW = P32L
                LEN = TOP - LOW + 1
                If (P6HH == 0)
                {
                    Return (RES)
                }
                CreateQWordField (RS64, \_SB.PCI0.W64._MIN, LOW6)
                CreateQWordField (RS64, \_SB.PCI0.W64._MAX, TOP6)
                CreateQWordField (RS64, \_SB.PCI0.W64._LEN, LEN6)
                LOW6 = (P6LH << 32) | P6LL
                TOP6 = (P6HH << 32) | P6HL
                LEN6 = TOP6 - LOW6 + 1
                Return (ConcatenateResTemplate (RES, RS64))
            }

            // Slot s, pin p: PIRQ (s + p - 1) modulo 4.
            Method (_PRT, 0, Serialized)
            {
                Local0 = Package (128) {}
                Local1 = 0
                While (Local1 < 128)
                {
                    Local2 = Local1 >> 2
                    Switch (ToInteger ((Local1 + Local2 + 3) & 3))
                    {
                        Case (0)
                        {
                            Local3 = Package (4) { 0, 0, LNKA, 0 }
                        }
                        Case (1)
                        {
                            Local3 = Package (4) { 0, 0, LNKB, 0 }
                        }
                        Case (2)
                        {
                            Local3 = Package (4) { 0, 0, LNKC, 0 }
                        }
                        Default
                        {
                            Local3 = Package (4) { 0, 0, LNKD, 0 }
                        }
                    }
                    Local3 [0] = (Local2 << 16) | 0xffff
                    Local3 [1] = Local1 & 3
                    Local0 [Local1] = Local3
                    Local1++
                }
                Return (Local0)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 4)
                Field (PIRQ, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8,
                    PRQB, 8,
                    PRQC, 8,
                    PRQD, 8
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x70, 0x70, 1, 8)
                        IRQNoFlags () { 8 }
                    })
                }

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1)
                        IO (Decode16, 0x64, 0x64, 1, 1)
                        IRQNoFlags () { 1 }
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IRQNoFlags () { 12 }
                    })
                }

                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Method (_STA)
                    {
                        Return (HAS (1))
                    }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3f8, 0x3f8, 1, 8)
                        IRQNoFlags () { 4 }
                    })
                }

                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 2)
                    Method (_STA)
                    {
                        Return (HAS (2))
                    }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x2f8, 0x2f8, 1, 8)
                        IRQNoFlags () { 3 }
                    })
                }

                Device (COM3)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 3)
                    Method (_STA)
                    {
                        Return (HAS (4))
                    }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3e8, 0x3e8, 1, 8)
                        IRQNoFlags () { 4 }
                    })
                }

                Device (COM4)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 4)
                    Method (_STA)
                    {
                        Return (HAS (8))
                    }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x2e8, 0x2e8, 1, 8)
                        IRQNoFlags () { 3 }
                    })
                }

                // Power management and APM ports, and the fw_cfg device.
                Device (MISC)
                {
                    Name (_HID, EisaId ("PNP0C02"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x600, 0x600, 1, 0x40)
                        IO (Decode16, 0x700, 0x700, 1, 0x10)
                        IO (Decode16, 0xb2, 0xb2, 1, 2)
                    })
                }

                Device (FWCF)
                {
                    Name (_HID, "QEMU0002")
                    Name (_STA, 0x0b)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x510, 0x510, 1, 0x0c)
                    })
                }
            }
        }

        // PIRQ A to D: bit 7 of a route register turns it off.
        Method (LSTA, 1)
        {
            If (Arg0 & 0x80)
            {
                Return (0x09)
            }
            Return (0x0b)
        }
        Name (LRES, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared,,, IRQ)
                { 0 }
        })
        Method (LCRS, 1, Serialized)
        {
            CreateDWordField (LRES, \_SB.IRQ._INT, NUM)
            NUM = 0
            If (!(Arg0 & 0x80))
            {
                NUM = Arg0 & 0x0f
            }
            Return (LRES)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared)
                    { 5, 10, 11 }
            })
            Method (_STA)
            {
                Return (LSTA (\_SB.PCI0.ISA.PRQA))
            }
            Method (_DIS)
            {
                \_SB.PCI0.ISA.PRQA |= 0x80
            }
            Method (_CRS)
            {
                Return (LCRS (\_SB.PCI0.ISA.PRQA))
            }
            Method (_SRS, 1, Serialized)
            {
                CreateDWordField (Arg0, 5, WANT)
                \_SB.PCI0.ISA.PRQA = WANT
            }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 1)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared)
                    { 5, 10, 11 }
            })
            Method (_STA)
            {
                Return (LSTA (\_SB.PCI0.ISA.PRQB))
            }
            Method (_DIS)
            {
                \_SB.PCI0.ISA.PRQB |= 0x80
            }
            Method (_CRS)
            {
                Return (LCRS (\_SB.PCI0.ISA.PRQB))
            }
            Method (_SRS, 1, Serialized)
            {
                CreateDWordField (Arg0, 5, WANT)
                \_SB.PCI0.ISA.PRQB = WANT
            }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared)
                    { 5, 10, 11 }
            })
            Method (_STA)
            {
                Return (LSTA (\_SB.PCI0.ISA.PRQC))
            }
            Method (_DIS)
            {
                \_SB.PCI0.ISA.PRQC |= 0x80
            }
            Method (_CRS)
            {
                Return (LCRS (\_SB.PCI0.ISA.PRQC))
            }
            Method (_SRS, 1, Serialized)
            {
                CreateDWordField (Arg0, 5, WANT)
                \_SB.PCI0.ISA.PRQC = WANT
            }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared)
                    { 5, 10, 11 }
            })
            Method (_STA)
            {
                Return (LSTA (\_SB.PCI0.ISA.PRQD))
            }
            Method (_DIS)
            {
                \_SB.PCI0.ISA.PRQD |= 0x80
            }
            Method (_CRS)
            {
                Return (LCRS (\_SB.PCI0.ISA.PRQD))
            }
            Method (_SRS, 1, Serialized)
            {
                CreateDWordField (Arg0, 5, WANT)
                \_SB.PCI0.ISA.PRQD = WANT
            }
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Method (_STA)
            {
                Return (HAS (0x100))
            }
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xfed00000, 0x400)
            })
        }
    }
}
