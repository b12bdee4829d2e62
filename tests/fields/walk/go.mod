module dsp.invalid/fields/walk

go 1.24
